import Metering

/// Asks the runtime of a container for its name, image and labels.
///
/// systemd, Docker, Podman, containerd, CRI-O and Proxmox VE are asked; other names are in the
/// path.
public struct NameFinder: Sendable {
    /// The result of asking for a container's details.
    public enum Answer: Hashable, Sendable {
        /// The runtime knows the container.
        case found(ContainerDetails)
        /// The runtime does not know it, or there is no runtime to ask; asking again is pointless.
        case unknown
        /// The runtime answered without telling anything about this container; it may do so later.
        case unclear
        /// The runtime did not answer at all; it may do so later.
        case silent
    }

    private let runtimes: [String: any ContainerRuntime]

    /// Asks the runtimes of this host.
    public init() { self.init(ContainerRuntimes.all) }

    /// Asks the given runtimes; of several with one name, the first.
    init(_ runtimes: [any ContainerRuntime]) {
        self.runtimes = Dictionary(
            runtimes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether containers of a runtime may have a name other than their path.
    public static func isNamed(_ runtime: String) -> Bool {
        ContainerRuntimes.named(runtime)?.hasNames ?? false
    }

    /// Finds the details of the container at a path, waiting up to about 2 s for its runtime.
    ///
    /// - Parameters:
    ///   - path: the path below the cgroup2 mount.
    ///   - runtime: the runtime's name as `PathShape.runtime(of:)` gives it.
    public func details(of path: String, runtime: String) -> Answer {
        runtimes[runtime]?.details(of: path) ?? .unknown
    }
}
