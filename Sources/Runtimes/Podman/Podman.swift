/// Podman: containers are `libpod-ID.scope`, or `/libpod_parent/libpod-ID` with cgroupfs.
///
/// `libpod-conmon-ID.scope` holds conmon, the process that monitors a container.
struct Podman: ContainerRuntime {
    let name = "podman"
    let scopePrefixes = ["libpod-"]
    let isIsolated = true
    let isNamedByID = true
    /// Sockets of Podman's API service; the first that exists is asked.
    var sockets = ["/run/podman/podman.sock"]

    func step(_ name: Substring, at place: Place) -> Step? {
        if place.holdsScopes, name.hasPrefix("libpod-conmon-"), name.hasSuffix(".scope") {
            return .monitor("podman")
        }
        if place.holdsScopes, name == "libpod_parent" { return .holder(.folder("podman")) }
        guard place == .folder("podman") else { return nil }
        if name == "conmon" || name.hasPrefix("libpod-conmon-") { return .monitor("podman") }
        if let id = name.dropping(prefix: "libpod-"), isEngineID(id) {
            return .container("podman", id)
        }
        return isEngineID(name) ? .holder(.folder("podman")) : nil
    }

    func details(of path: String) -> NameFinder.Answer { inspect(path, sockets) }
}
