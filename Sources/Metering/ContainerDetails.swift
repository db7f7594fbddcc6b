/// What a container's runtime says about it.
///
/// The workload may have chosen these words itself, so they must not be trusted.
public struct ContainerDetails: Hashable, Sendable {
    /// The name in the runtime, such as `web-1`.
    public var name: String?
    /// The image it was started from.
    public var image: String?
    /// The labels it was started with.
    public var labels: [String: String]
    /// The Kubernetes namespace of its pod.
    public var namespace: String?

    public init(name: String?, image: String?, labels: [String: String], namespace: String?) {
        (self.name, self.image) = (name, image)
        (self.labels, self.namespace) = (labels, namespace)
    }
}
