import Foundation
import Limits
import Runtimes
import Store
import Units

/// What is needed to roll back an unfinished change, stored as JSON in `limit_pending`.
struct PendingChange: Codable {
    /// One planned write; values are text as in cgroup files.
    struct Write: Codable {
        var path: String
        /// The id of the cgroup.
        var cgroup: Int64
        var key: String
        var before: String
        var wanted: String
    }

    var target: String
    var tenant: String?
    /// Whether owners were told to keep the values beyond a reboot.
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

    /// Reads a stored document; `nil` if it is not valid.
    init?(_ document: String) {
        guard let read = try? JSONDecoder().decode(Self.self, from: Data(document.utf8)) else {
            return nil
        }
        self = read
    }

    /// The JSON text.
    var document: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// The writes that still have an effect and must be rolled back.
    ///
    /// A write has an effect if the kernel has its value and the cgroup still exists, or if the
    /// owner stores its value and may apply it again, even after a reboot. Values that somebody
    /// else set since are left alone.
    ///
    /// - Parameter isOfThisBoot: whether the change began in this boot. Otherwise the cgroup ids
    ///   mean nothing.
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
