/// CRI-O below Kubernetes: containers are `crio-ID.scope`, monitors are `crio-conmon-ID`.
struct CRIO: ContainerRuntime {
    let name = "cri-o"
    let scopePrefixes = ["crio-"]
    let isIsolated = true
    let isNamedByID = true
    /// Paths of OCI bundles, from which names and labels are read.
    var bundles = ociBundles

    func step(_ name: Substring, at place: Place) -> Step? {
        let isInPod = place == .folder("kubepods") || place == .folder("pod")
        guard name.hasPrefix("crio-conmon-"),
            isInPod || place.holdsScopes && name.hasSuffix(".scope")
        else { return nil }
        return .monitor("cri-o")
    }

    func details(of path: String) -> NameFinder.Answer { bundle(of: path, in: bundles) }
}
