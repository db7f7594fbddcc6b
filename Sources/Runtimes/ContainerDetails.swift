import Foundation
import Metering

extension ContainerDetails {
    /// Keys of labels and annotations that Kubernetes, CRI-O and containerd set.
    private static let names = ["io.kubernetes.container.name", "io.kubernetes.cri.container-name"]
    private static let namespaces = [
        "io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace",
    ]
    private static let pods = ["io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"]
    private static let images = [
        "io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName",
        "io.kubernetes.cri-o.Image",
    ]

    /// Takes name, image and namespace of a pod from its labels, if there are any.
    ///
    /// A container in a pod is called `POD/CONTAINER`. Long texts are cut, and labels that only
    /// Octroi's own runtimes may set are dropped (`ContainerRuntimes.reservedLabels`).
    ///
    /// - Parameters:
    ///   - name: the name by the engine, used for containers that are not in a pod.
    ///   - image: the image by the engine.
    ///   - labels: labels of Docker or Podman, or annotations of an OCI bundle.
    init(name: String?, image: String?, labels: [String: String]) {
        func first(_ keys: [String]) -> String? { keys.compactMap { labels[$0] }.first }
        let pod = first(Self.pods)
        let inPod = first(Self.names).map { name in pod.map { "\($0)/\(name)" } ?? name }
        self.init(
            name: bounded(inPod ?? pod ?? name), image: bounded(image ?? first(Self.images)),
            labels: boundedLabels(labels), namespace: bounded(first(Self.namespaces)))
    }

    /// Parses the response to `GET /containers/ID/json` of Docker or Podman.
    ///
    /// - Returns: `nil` if it is not such a document.
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
        // Docker puts a slash before every name.
        let name = found.Name.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        self.init(name: name, image: found.Config?.Image, labels: found.Config?.Labels ?? [:])
    }

    /// Parses the annotations in an OCI bundle's `config.json`, as containerd and CRI-O write it.
    ///
    /// - Returns: `nil` if there are none.
    init?(bundle json: Data) {
        struct Bundle: Decodable { var annotations: [String: String]? }
        guard let found = try? JSONDecoder().decode(Bundle.self, from: json),
            let annotations = found.annotations, !annotations.isEmpty
        else { return nil }
        self.init(name: nil, image: nil, labels: annotations)
    }
}

/// Limits the length of a text that the workload chose: above 1024 bytes, 256 scalars remain.
///
/// One `Character` can be as long as a whole file, so scalars are counted.
private func bounded(_ text: String?) -> String? {
    text.map { $0.utf8.count <= 1024 ? $0 : String($0.unicodeScalars.prefix(256)) }
}

/// Drops labels with long keys and reserved labels, and shortens long values.
private func boundedLabels(_ labels: [String: String]) -> [String: String] {
    var kept: [String: String] = [:]
    // The number of labels is not limited. Any of them may decide the tenant, and which one does is
    // not known here.
    for (key, value) in labels where key.utf8.count <= 256 {
        if ContainerRuntimes.reservedLabels.contains(where: key.hasPrefix) { continue }
        kept[key] = bounded(value)
    }
    return kept
}
