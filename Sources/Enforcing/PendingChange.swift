import Foundation
import Limits
import Runtimes
import Store
import Units

/// What is needed to take back a change-set that was cut short, as a JSON document.
struct PendingChange: Codable {
    struct Write: Codable {
        var path: String
        var cgroup: Int64
        var key: String
        var before: String
        var wanted: String
    }

    var target: String
    var tenant: String?
    var lasting: Bool
    var writes: [Write]

    init(_ request: LimitRequest, writes: [PlannedWrite]) {
        (target, tenant, lasting) = (request.subject.name, request.tenant, request.lasting)
        self.writes = writes.map {
            Write(
                path: $0.path, cgroup: $0.cgroupID, key: $0.key.description,
                before: $0.before.description, wanted: $0.wanted.description)
        }
    }

    init?(_ document: String) {
        guard let read = try? JSONDecoder().decode(Self.self, from: Data(document.utf8)) else {
            return nil
        }
        self = read
    }

    var document: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// The writes that still stand: in the kernel, if the cgroup still lives, or with its owner, which
    /// may bring them back, after a reboot, too.
    ///
    /// What somebody else set since stays.
    func plannedWrites(in tree: LimitedTree, isOfThisBoot: Bool) throws(Fault) -> [PlannedWrite] {
        var planned: [PlannedWrite] = []
        for write in writes {
            guard let key = LimitKey(write.key), let before = LimitValue(write.before, for: key),
                let wanted = LimitValue(write.wanted, for: key),
                let cgroup = try tree.find(write.path)
            else { continue }
            let isSame = isOfThisBoot && cgroup.id == write.cgroup
            let item = PlannedWrite(
                path: write.path, cgroupID: cgroup.id,
                owner: try tree.owners.owner(of: write.path), key: key, before: before,
                wanted: wanted)
            let kept = lasting ? tree.owners.kept(key, by: item.owner) : nil
            let isKept = kept?.isSame(as: wanted, for: key) ?? false
            let values = isSame ? try tree.values(item) : []
            if isKept || values.contains(where: { $0.isSame(as: wanted, for: key) }) {
                planned.append(item)
            }
        }
        return planned
    }
}
