import Metering

/// Asks who runs a container what it is called: systemd, Docker, Podman, containerd, CRI-O, Proxmox.
public struct NameFinder: Sendable {
    /// What came of asking.
    public enum Answer: Hashable, Sendable {
        case found(ContainerDetails)
        /// Its owner does not know it, or there is nobody to ask.
        case unknown
        /// The owner answered something that tells nothing of this container; it may later.
        case unclear
        /// The owner gave no answer, to this question or to any; it may later.
        case silent
    }

    private let runtimes: [String: any ContainerRuntime]

    /// Asks the runtimes of this host.
    public init() { self.init(ContainerRuntimes.all) }

    /// - Parameter runtimes: the first of a name is asked.
    init(_ runtimes: [any ContainerRuntime]) {
        self.runtimes = Dictionary(
            runtimes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether a container of a runtime may have a name besides its path.
    public static func isNamed(_ runtime: String) -> Bool {
        ContainerRuntimes.named(runtime)?.hasNames ?? false
    }

    /// Finds what the container at a path is called.
    public func details(of path: String, runtime: String) -> Answer {
        runtimes[runtime]?.details(of: path) ?? .unknown
    }
}
