/// Allocations of Nomad: scopes below `nomad.slice`.
struct Nomad: ContainerRuntime {
    let name = "nomad"

    func step(_ name: Substring, at place: Place) -> Step? {
        guard place.firstSlice == "nomad.slice", let stem = name.dropping(suffix: ".scope"),
            engineScope(stem) == nil
        else { return nil }
        return .container("nomad", stem)
    }
}
