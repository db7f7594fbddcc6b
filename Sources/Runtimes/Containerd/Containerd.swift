import Host
import Foundation
import Metering

/// containerd by itself, with nerdctl, or below Kubernetes: `cri-containerd-ID.scope`.
struct Containerd: ContainerRuntime {
    let name = "containerd"
    let scopePrefixes = ["cri-containerd-", "nerdctl-"]
    let isIsolated = true
    let isNamedByID = true
    /// Paths of OCI bundles, from which names and labels are read.
    var bundles = ociBundles

    func details(of path: String) -> NameFinder.Answer { bundle(of: path, in: bundles) }
}

/// Where engines keep the OCI bundle of a container; `ID` stands for the container's id.
let ociBundles = [
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
    "/run/containerd/io.containerd.runtime.v2.task/default/ID/config.json",
    "/run/containers/storage/overlay-containers/ID/userdata/config.json",
    "/var/run/containers/storage/overlay-containers/ID/userdata/config.json",
]

/// Reads name, image and labels from the annotations of a container's OCI bundle.
///
/// - Returns: `.unknown` if the path has no engine id, or its bundle has no annotations.
func bundle(of path: String, in bundles: [String]) -> NameFinder.Answer {
    guard let id = PathShape.containerID(of: path) else { return .unknown }
    for bundle in bundles {
        guard let data = smallFile(bundle.replacing("ID", with: id)) else { continue }
        return ContainerDetails(bundle: data).map(NameFinder.Answer.found) ?? .unknown
    }
    return .unknown
}

/// Reads a file of at most 4 MiB; `nil` if it does not exist, is larger or is not a plain file.
func smallFile(_ path: String) -> Data? {
    (try? readBytes(path, most: 4 << 20)).map { Data($0) }
}
