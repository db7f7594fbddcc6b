/// Builds of BuildKit: `/buildkit/ID`, or `/docker/buildkit/ID` inside the Docker daemon.
struct BuildKit: ContainerRuntime {
    let name = "buildkit"

    func step(_ name: Substring, at place: Place) -> Step? {
        if place == .top, name == "buildkit" { return .holder(.folder("buildkit")) }
        return place == .folder("buildkit") ? .container("buildkit", name) : nil
    }
}
