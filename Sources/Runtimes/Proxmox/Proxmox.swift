import Foundation
import Metering

/// Guests of Proxmox VE: containers are LXC's `/lxc/ID`, machines are `/qemu.slice/ID.scope`.
///
/// Names, tags and pools come from configuration files that only root of the host can write:
/// `lxc/ID.conf` (pct.conf(5)), `qemu-server/ID.conf` (qm.conf(5)), and the `pool:` lines of
/// `user.cfg` (pve-access-control).
struct Proxmox: ContainerRuntime {
    let name = "qemu"
    let isIsolated = true
    /// The folder of the cluster configuration, `/etc/pve`.
    var folder = "/etc/pve"

    /// The prefix of labels that stand for pools and tags.
    ///
    /// Example: pool `acme` becomes the label `proxmox.pool=acme`, tag `web` becomes
    /// `proxmox.tag.web`.
    static let labels = "proxmox."
    var ownLabels: String? { Self.labels }
    private static let poolLabel = "\(labels)pool"
    private static let tagLabel = "\(labels)tag."

    let ruleWords = [
        RuleWord(word: "pool") { "\(Proxmox.poolLabel)=\($0)" },
        RuleWord(word: "tag") { Proxmox.tagLabel + $0 },
    ]

    func step(_ name: Substring, at place: Place) -> Step? {
        guard place.firstSlice == "qemu.slice", let stem = name.dropping(suffix: ".scope"),
            engineScope(stem) == nil
        else { return nil }
        return .container("qemu", stem)
    }

    func details(of path: String) -> NameFinder.Answer {
        let shape = PathShape(path)
        guard shape.isOfHost, let id = shape.id, Int64(id) != nil else { return .unknown }
        let kind = shape.runtime == "lxc" ? "lxc" : "qemu-server"
        guard let data = smallFile("\(folder)/\(kind)/\(id).conf") else { return .unknown }
        let settings = ProxmoxGuest(config: String(decoding: data, as: UTF8.self))
        let pools = smallFile("\(folder)/user.cfg").map { String(decoding: $0, as: UTF8.self) }
        return .found(
            ContainerDetails(
                name: settings.name ?? id, image: nil,
                labels: Self.labels(settings.tags, pool: pools.flatMap { pool(of: id, in: $0) }),
                namespace: nil))
    }

    /// Tags and pool as labels, which rules of tenants can match.
    private static func labels(_ tags: [String], pool: String?) -> [String: String] {
        var labels: [String: String] = [:]
        for tag in tags { labels[tagLabel + tag] = "" }
        if let pool { labels[poolLabel] = pool }
        return labels
    }
}

/// The name and tags in the configuration of a guest.
struct ProxmoxGuest: Hashable {
    /// `hostname` of a container or `name` of a machine.
    var name: String?
    var tags: [String] = []

    /// Parses the text of `ID.conf`: lines of `key: value`.
    ///
    /// Sections in brackets describe snapshots, not the present, so parsing stops at the first one.
    init(config: String) {
        for line in config.split(separator: "\n") {
            if line.hasPrefix("[") { break }
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingPrefix { $0 == " " }
            switch line[..<colon] {
            case "hostname", "name": name = value.isEmpty ? nil : String(value)
            case "tags":
                tags = value.split { ";, ".contains($0) }.map(String.init)
            default: break
            }
        }
    }
}

/// The pool of a guest by the text of `user.cfg`; `nil` if it is in none.
///
/// The lines have the form `pool:NAME:COMMENT:GUESTS:STORAGES:`, with guest ids separated by
/// commas.
///
/// - Parameter guest: the id of the guest, such as `101`.
func pool(of guest: String, in config: String) -> String? {
    for line in config.split(separator: "\n") {
        let fields = line.split(separator: ":", omittingEmptySubsequences: false)
        guard fields.count >= 4, fields[0] == "pool", !fields[1].isEmpty else { continue }
        let guests = fields[3].split { ",; ".contains($0) }
        if guests.contains(where: { $0 == guest }) { return String(fields[1]) }
    }
    return nil
}
