import Glibc
import Metering

/// Docker: containers are `docker-ID.scope`, or `/docker/ID` with the cgroupfs driver.
struct Docker: ContainerRuntime {
    let name = "docker"
    let scopePrefixes = ["docker-"]
    let isIsolated = true
    let isNamedByID = true
    /// Sockets of the Docker daemon; the first that exists is asked.
    var sockets = ["/run/docker.sock", "/var/run/docker.sock"]

    func step(_ name: Substring, at place: Place) -> Step? {
        if place == .top, name == "docker" { return .holder(.folder("docker")) }
        guard place == .folder("docker") else { return nil }
        if name == "buildkit" { return .holder(.folder("buildkit")) }
        return isEngineID(name) ? .container("docker", name) : unmadeScope(name)
    }

    func details(of path: String) -> NameFinder.Answer { inspect(path, sockets) }
}

/// Asks Docker or Podman for the name, image and labels of the container at a cgroup path.
///
/// The request is `GET /containers/ID/json` with a time limit of 2 s.
///
/// - Returns: `.unknown` if the path has no engine id, no socket exists, or the engine does not
///   know the container (404); `.silent` without an answer; `.unclear` for any other answer.
func inspect(_ path: String, _ sockets: [String]) -> NameFinder.Answer {
    guard let id = PathShape.containerID(of: path),
        let socket = sockets.first(where: { access($0, F_OK) == 0 })
    else { return .unknown }
    guard let answer = try? UnixHTTP.get("/containers/\(id)/json", at: socket, seconds: 2)
    else { return .silent }
    guard answer.status == 200 else { return answer.status == 404 ? .unknown : .unclear }
    return ContainerDetails(inspected: answer.body).map(NameFinder.Answer.found) ?? .unclear
}
