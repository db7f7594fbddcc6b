import Foundation
import Metering

/// containerd, by itself, by nerdctl or below Kubernetes: `cri-containerd-ID.scope`.
struct Containerd: ContainerRuntime {
    let name = "containerd"
    let scopePrefixes = ["cri-containerd-", "nerdctl-"]
    let isIsolated = true
    let isNamedByID = true
    var bundles = ociBundles

    func details(of path: String) -> NameFinder.Answer { bundle(of: path, in: bundles) }
}

/// Where engines keep OCI bundles, with `ID` where the container's id stands.
let ociBundles = [
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
    "/run/containerd/io.containerd.runtime.v2.task/default/ID/config.json",
    "/run/containers/storage/overlay-containers/ID/userdata/config.json",
    "/var/run/containers/storage/overlay-containers/ID/userdata/config.json",
]

/// What the annotations of a container's OCI bundle say.
func bundle(of path: String, in bundles: [String]) -> NameFinder.Answer {
    guard let id = PathShape.containerID(of: path) else { return .unknown }
    for bundle in bundles {
        guard let data = smallFile(bundle.replacing("ID", with: id)) else { continue }
        return ContainerDetails(bundle: data).map(NameFinder.Answer.found) ?? .unknown
    }
    return .unknown
}

/// A file of at most 4 MiB; `nil` if there is none, or a larger one.
func smallFile(_ path: String) -> Data? {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
        let size = attributes[.size] as? Int, size < 4 << 20
    else { return nil }
    return FileManager.default.contents(atPath: path)
}
