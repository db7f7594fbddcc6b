import Foundation
import Metering

extension ContainerDetails {
    /// Labels by which Docker and Podman shims of Kubernetes, CRI-O and containerd name what they run.
    private static let names = ["io.kubernetes.container.name", "io.kubernetes.cri.container-name"]
    private static let namespaces = [
        "io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace",
    ]
    private static let pods = ["io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"]
    private static let images = [
        "io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName",
        "io.kubernetes.cri-o.Image",
    ]

    /// What labels or annotations say.
    init(name: String?, image: String?, labels: [String: String]) {
        func first(_ keys: [String]) -> String? { keys.compactMap { labels[$0] }.first }
        let pod = first(Self.pods)
        let inPod = first(Self.names).map { name in pod.map { "\($0)/\(name)" } ?? name }
        self.init(
            name: bounded(inPod ?? pod ?? name), image: bounded(image ?? first(Self.images)),
            labels: boundedLabels(labels), namespace: bounded(first(Self.namespaces)))
    }

    /// What `GET /containers/ID/json` of Docker and Podman says.
    init?(inspected json: Data) {
        struct Inspected: Decodable {
            struct Config: Decodable {
                var Image: String?
                var Labels: [String: String]?
            }
            var Name: String?
            var Config: Config?
        }
        guard let found = try? JSONDecoder().decode(Inspected.self, from: json) else { return nil }
        // Docker begins every name with a slash.
        let name = found.Name.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        self.init(name: name, image: found.Config?.Image, labels: found.Config?.Labels ?? [:])
    }

    /// What the annotations of an OCI bundle's `config.json` say (containerd and CRI-O write it).
    init?(bundle json: Data) {
        struct Bundle: Decodable { var annotations: [String: String]? }
        guard let found = try? JSONDecoder().decode(Bundle.self, from: json),
            let annotations = found.annotations, !annotations.isEmpty
        else { return nil }
        self.init(name: nil, image: nil, labels: annotations)
    }
}

/// Names and labels are a workload's own words: no more than so much of them is kept.
private func bounded(_ text: String?) -> String? {
    text.map { $0.utf8.count <= 1024 ? $0 : String($0.prefix(256)) }
}

private func boundedLabels(_ labels: [String: String]) -> [String: String] {
    var kept: [String: String] = [:]
    // None is left out for its number: which one decides whose the container is, is not known here.
    for (key, value) in labels where key.utf8.count <= 256 {
        if ContainerRuntimes.reservedLabels.contains(where: key.hasPrefix) { continue }
        kept[key] = bounded(value)
    }
    return kept
}
