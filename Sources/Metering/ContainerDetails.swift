/// What the owner of a container says of it: words that a workload may have chosen itself.
public struct ContainerDetails: Hashable, Sendable {
    public var name: String?
    public var image: String?
    public var labels: [String: String]
    /// The Kubernetes namespace.
    public var namespace: String?

    public init(name: String?, image: String?, labels: [String: String], namespace: String?) {
        (self.name, self.image) = (name, image)
        (self.labels, self.namespace) = (labels, namespace)
    }
}
