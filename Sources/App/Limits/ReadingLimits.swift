import CgroupFS
import Enforcing
import Limits
import Metering
import Runtimes
import Settings
import Store
import Units

extension App {
    /// The limits of a tenant or container: wanted, written, effective, and how each takes hold.
    ///
    /// - Parameters:
    ///   - target: a tenant's id, or a container by its path, the end of it, or its name.
    ///   - hasUnset: whether limits that limit nothing are among them.
    public func limits(
        of target: String, hasUnset: Bool, _ options: LimitOptions
    ) throws(Fault) -> [LimitStatus] {
        let tools = try limitTools(.read, options)
        let targets = try tools.targets()
        let all = try targets.truth(
            targets.find(target), tools.store, boot: tools.changer.boot)
        return hasUnset ? all : all.filter { !$0.isUnset }
    }

    /// Changes of limits, newest last: who, when, what, why, and whether it held.
    ///
    /// - Parameters:
    ///   - target: a tenant, a container or a cgroup's path; `nil` for all.
    ///   - most: the last N changes.
    public func limitHistory(
        of target: String? = nil, most: Int = .max
    ) throws(Fault) -> [LimitChangeSet] {
        let sets = try store(.read).limitHistory(of: target, most: most)
        if sets.isEmpty, let target {
            notify(
                "no change of \(escapingControlCharacters(shortened(target, to: 120))) is written down"
            )
        }
        return sets
    }

    /// Checks that no change of limits was altered, removed or reordered.
    ///
    /// - Parameter head: a head hash that an earlier check gave.
    /// - Throws: `wrongUse` for a head that is no hash.
    public func verifyLimitHistory(head: String? = nil) throws(Fault) -> LimitHistoryCheck {
        if let head { try checkHash(head) }
        let store = try store(.read)
        let found = try store.verifyLimitHistory(head: head)
        notify("\(found.count) changes checked; the last hash is \(found.head)")
        let missing = found.hasHead ? nil : head.map { noSuchHash($0, "change", in: store) }
        return LimitHistoryCheck(damage: found.damage, missingHead: missing, store: store.path)
    }

    /// Which limits this host can enforce, which it cannot, why, and the fix.
    ///
    /// - Parameter root: the cgroup tree; `nil` for the host's.
    public func limitFindings(root: String? = nil) throws(Fault) -> [LimitFinding] {
        let root = try CgroupRoot(opening: treePath(root))
        // The store only says which tenant roots there are to look into.
        let tenants = (try? store(.read)).flatMap { try? $0.tenants() } ?? []
        let engine = Engines.docker()
        return Enforcing.limitFindings(
            root: root,
            host: .live(
                systemd: Engines.systemdVersion(),
                docker: engine.map { .init(cgroupDriver: $0.driver, apiVersion: $0.api) }),
            tenantRoots: tenants.flatMap(\.match).flatMap(\.rootPaths))
    }
}

extension LimitStatus {
    /// Whether it limits nothing and nobody wants it to.
    fileprivate var isUnset: Bool {
        written == key.initial && wanted == nil && effective?.value == key.initial
    }
}
