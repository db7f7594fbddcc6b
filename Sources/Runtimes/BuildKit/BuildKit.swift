/// BuildKit's builds: `/buildkit/ID`, or `/docker/buildkit/ID`.
struct BuildKit: ContainerRuntime {
    let name = "buildkit"

    func step(_ name: Substring, at place: Place) -> Step? {
        if place == .top, name == "buildkit" { return .holder(.folder("buildkit")) }
        return place == .folder("buildkit") ? .container("buildkit", name) : nil
    }
}
