import CgroupFS
import Enforcing
import Limits
import Metering
import Runtimes
import Settings
import Store
import Units

extension App {
    /// The limits of a tenant or container: desired, written and effective, and how they act.
    ///
    /// - Parameters:
    ///   - target: a tenant's id; or a container's path, the end of it, its name, or its id in
    ///     Docker or Podman.
    ///   - hasUnset: whether to include limits that limit nothing and that nobody desires.
    /// - Throws: `unavailable` for an unknown target, `wrongUse` for an ambiguous one.
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
    /// A notice says if a target has no changes.
    ///
    /// - Parameters:
    ///   - target: a tenant, a container's name, or a cgroup's path or the end of it; `nil` for
    ///     all.
    ///   - most: the number of changes, counted from the newest.
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

    /// Checks that no recorded change of limits was altered, removed or reordered.
    ///
    /// A notice has the newest hash. Kept in a safe place, it proves later that no change was
    /// removed.
    ///
    /// - Parameter head: a hash that an earlier check printed, in hexadecimal.
    /// - Throws: `wrongUse` for a `head` that is not a hash. Damage is not thrown.
    public func verifyLimitHistory(head: String? = nil) throws(Fault) -> LimitHistoryCheck {
        if let head { try checkHash(head) }
        let store = try store(.read)
        let found = try store.verifyLimitHistory(head: head)
        notify("\(found.count) changes checked; the last hash is \(found.head)")
        let missing = found.hasHead ? nil : head.map { noSuchHash($0, "change", in: store) }
        return LimitHistoryCheck(damage: found.damage, missingHead: missing, store: store.path)
    }

    /// Which limits this host can enforce, which it cannot, why, and how to fix it.
    ///
    /// - Parameter root: the path of the cgroup tree; `nil` for the one in octroi.yaml, or else the
    ///   host's.
    public func limitFindings(root: String? = nil) throws(Fault) -> [LimitFinding] {
        let root = try CgroupRoot(opening: treePath(root))
        // The store only adds tenant roots to look at, so the check works without one.
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
    /// Whether the limit limits nothing, and nobody desires it to.
    fileprivate var isUnset: Bool {
        written == key.initial && wanted == nil && effective?.value == key.initial
    }
}
