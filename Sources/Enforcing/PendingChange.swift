import Foundation
import Limits
import Runtimes
import Store

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

    /// The writes whose cgroups still live and still have what was written.
    ///
    /// What somebody else set since stays.
    func plannedWrites(in tree: LimitedTree) -> [PlannedWrite] {
        writes.compactMap { write in
            guard let key = LimitKey(write.key), let before = LimitValue(write.before, for: key),
                let wanted = LimitValue(write.wanted, for: key),
                let cgroup = tree.cgroup(write.path), cgroup.id == write.cgroup,
                let owner = try? tree.owners.owner(of: write.path)
            else { return nil }
            let planned = PlannedWrite(
                path: write.path, cgroupID: write.cgroup, owner: owner, key: key, before: before,
                wanted: wanted)
            guard let value = try? tree.readBack(planned), value.isSame(as: wanted, for: key)
            else { return nil }
            return planned
        }
    }
}
