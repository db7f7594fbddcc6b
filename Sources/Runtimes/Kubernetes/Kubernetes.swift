/// Pods of the kubelet.
///
/// The systemd driver puts them below `kubepods.slice`, the cgroupfs driver into
/// `/kubepods/burstable/podUID/ID`.
struct Kubernetes: ContainerRuntime {
    let name = "kubernetes"
    let isIsolated = true
    let isNamedByID = true
    /// Paths of OCI bundles, from which names and labels are read.
    var bundles = ociBundles

    func step(_ name: Substring, at place: Place) -> Step? {
        switch place {
        case .folder("kubepods"), .folder("pod"): return inPods(name, at: place)
        case .top, .engine, .plain:
            if name == "kubepods" { return .holder(.folder("kubepods"), "kubernetes") }
            guard place == .engine, name == "kubepods.slice" else { return nil }
            return .holder(.slices(first: name))
        case .slices(first: "kubepods.slice"):
            guard let stem = name.dropping(suffix: ".scope"), engineScope(stem) == nil else {
                return nil
            }
            return .container("kubernetes")
        case .slices, .login, .loginSlices, .folder: return nil
        }
    }

    /// The meaning of a name below `/kubepods` or below a pod, with the cgroupfs driver.
    private func inPods(_ name: Substring, at place: Place) -> Step {
        if let (runtime, rest) = ContainerRuntimes.ofScope(name), isEngineID(rest) {
            return .container(runtime, rest)
        }
        if isEngineID(name) { return .container("kubernetes", name) }
        if place == .folder("kubepods") {
            if name.hasPrefix("pod") { return .holder(.folder("pod"), "kubernetes") }
            if name == "burstable" || name == "besteffort" {
                return .holder(.folder("kubepods"), "kubernetes")
            }
        }
        return Step(role: .unknown, runtime: "kubernetes")
    }

    func details(of path: String) -> NameFinder.Answer { bundle(of: path, in: bundles) }
}
