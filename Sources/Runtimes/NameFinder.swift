import Foundation
import Glibc
import Metering
import SystemPackage

/// Asks who owns a cgroup what it is called: systemd, Docker, Podman, containerd, CRI-O.
public struct NameFinder: Sendable {
    /// What came of asking.
    public enum Answer: Hashable, Sendable {
        case found(ContainerDetails)
        /// Its owner does not know it, or there is nobody to ask.
        case unknown
        /// The owner answered something that tells nothing of this container; it may later.
        case unclear
        /// The owner gave no answer, to this question or to any; it may later.
        case silent
    }

    private let docker: [String]
    private let podman: [String]
    private let bundles: [String]

    /// - Parameters:
    ///   - docker: sockets of Docker, the first that is there is asked.
    ///   - podman: the same for Podman.
    ///   - bundles: folders of OCI bundles, with `ID` where the container's id stands.
    public init(
        docker: [String] = ["/run/docker.sock", "/var/run/docker.sock"],
        podman: [String] = ["/run/podman/podman.sock"],
        bundles: [String] = [
            "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
            "/run/containerd/io.containerd.runtime.v2.task/default/ID/config.json",
            "/run/containers/storage/overlay-containers/ID/userdata/config.json",
            "/var/run/containers/storage/overlay-containers/ID/userdata/config.json",
        ]
    ) {
        (self.docker, self.podman, self.bundles) = (docker, podman, bundles)
    }

    /// Whether the container at a path may have a name besides its path.
    public static func isNamed(_ runtime: String) -> Bool {
        runtime != "cgroup" && runtime != "lxc"
    }

    /// Finds the name of the container at a path.
    public func details(of path: String, runtime: String) -> Answer {
        switch runtime {
        case "docker": return inspect(path, docker)
        case "podman": return inspect(path, podman)
        case "containerd", "cri-o", "kubernetes": return bundle(path)
        case "systemd", "nspawn":
            guard let unit = systemdUnit(of: path) else { return .unknown }
            return describe(unit)
        default: return .unknown
        }
    }

    private func inspect(_ path: String, _ sockets: [String]) -> Answer {
        guard let id = PathShape.containerID(of: path),
            let socket = sockets.first(where: { access($0, F_OK) == 0 })
        else { return .unknown }
        guard
            let answer = try? UnixHTTP.get("/containers/\(id)/json", at: socket, seconds: 2)
        else { return .silent }
        guard answer.status == 200 else { return answer.status == 404 ? .unknown : .unclear }
        return ContainerDetails(inspected: answer.body).map(Answer.found) ?? .unclear
    }

    private func bundle(_ path: String) -> Answer {
        guard let id = PathShape.containerID(of: path) else { return .unknown }
        for bundle in bundles {
            let file = bundle.replacing("ID", with: id)
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: file),
                let size = attributes[.size] as? Int, size < 4 << 20,
                let data = FileManager.default.contents(atPath: file)
            else { continue }
            return ContainerDetails(bundle: data).map(Answer.found) ?? .unknown
        }
        return .unknown
    }

    /// A unit's description, by systemd's D-Bus interface (org.freedesktop.systemd1(5)).
    private func describe(_ unit: String) -> Answer {
        guard ServiceManager.isSystemd else { return .unknown }
        guard let bus = try? SystemdBus(timeoutSeconds: 2) else { return .silent }
        var text: String?
        do throws(SystemdBus.Refusal) {
            text = try bus.text("Description", of: unit, "Unit")
        } catch {
            return .silent
        }
        guard let text else { return .unknown }
        let description = String(text.prefix(256))
        // A unit without a description is described by its name.
        return description == unit
            ? .unknown
            : .found(ContainerDetails(name: description, image: nil, labels: [:], namespace: nil))
    }
}
