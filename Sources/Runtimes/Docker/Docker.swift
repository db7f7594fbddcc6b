import Glibc
import Metering

/// Docker: `docker-ID.scope`, or `/docker/ID` with the cgroupfs driver.
struct Docker: ContainerRuntime {
    let name = "docker"
    let scopePrefixes = ["docker-"]
    let isIsolated = true
    let isNamedByID = true
    /// The first that is there is asked.
    var sockets = ["/run/docker.sock", "/var/run/docker.sock"]

    func step(_ name: Substring, at place: Place) -> Step? {
        if place == .top, name == "docker" { return .holder(.folder("docker")) }
        guard place == .folder("docker") else { return nil }
        if name == "buildkit" { return .holder(.folder("buildkit")) }
        return isEngineID(name) ? .container("docker", name) : unmadeScope(name)
    }

    func details(of path: String) -> NameFinder.Answer { inspect(path, sockets) }
}

/// What `GET /containers/ID/json` of Docker or Podman says of the container at a path.
func inspect(_ path: String, _ sockets: [String]) -> NameFinder.Answer {
    guard let id = PathShape.containerID(of: path),
        let socket = sockets.first(where: { access($0, F_OK) == 0 })
    else { return .unknown }
    guard let answer = try? UnixHTTP.get("/containers/\(id)/json", at: socket, seconds: 2)
    else { return .silent }
    guard answer.status == 200 else { return answer.status == 404 ? .unknown : .unclear }
    return ContainerDetails(inspected: answer.body).map(NameFinder.Answer.found) ?? .unclear
}
