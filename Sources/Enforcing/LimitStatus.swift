import CgroupFormat
import Limits
import Runtimes
import Store
import Units

/// Everything that is known about one limit of one cgroup.
public struct LimitStatus {
    /// The cgroup's path below the root.
    public var path: String
    /// The limit.
    public var key: LimitKey
    /// The desired value; `nil` if there is none.
    public var wanted: LimitValue?
    /// `boost` or `budget` if the desired value is temporary.
    public var because: String?
    /// The value in the kernel's file; `nil` if it is not known.
    public var written: LimitValue?
    /// The value in effect, with limits of the cgroups above; `nil` if a file cannot be read.
    public var effective: EffectiveLimit?
    /// Why a value is not known, in words.
    public var trouble: String?
    /// How the limit takes effect, such as `throttled 120 ms`; `nil` if it does not.
    public var biting: String?
    /// Who owns the limits of the cgroup.
    public var owner: LimitOwner
}

extension LimitTargets {
    /// The status of every limit of a target's cgroups.
    ///
    /// - Parameter boot: identifies the boot of the host.
    public func truth(
        _ target: LimitTarget, _ store: Store, boot: String
    ) throws(Fault) -> [LimitStatus] {
        let state = try store.limitState(in: tree.path, boot: boot)
        let everyone = DesiredCgroups(state.desires, self)
        var result: [LimitStatus] = []
        for cgroup in target.cgroups {
            let desired = everyone[cgroup.path]?.limits ?? state.desired(target.subject)
            let owner = try tree.owners.owner(of: cgroup.path)
            // Show a device that has a limit, even if nobody desires one, and the other way round.
            let devices = Set(cgroup.limitedDevices).union(desired.all.keys.compactMap(\.device))
            // Every limit is shown, the freezer last.
            let keys =
                LimitKey.plain.dropLast() + devices.sorted().map { LimitKey.ioMax($0) } + [.freeze]
            let limits = Dictionary(uniqueKeysWithValues: desired.list.map { ($0.key, $0) })
            for key in keys {
                let now = try? cgroup.value(of: key)
                let (effective, trouble) = holding(key, at: cgroup)
                let held = state.held(key, in: cgroup.id)
                result.append(
                    LimitStatus(
                        path: cgroup.path, key: key,
                        wanted: limits[key].map { limit in
                            // A budget's value may be replaced by a tighter one of somebody else.
                            now.map { limit.value(now: $0, held: held) } ?? limit.value
                        },
                        because: desired.boost[key] != nil
                            ? "boost" : desired.budget[key] != nil ? "budget" : nil,
                        written: now,
                        effective: effective, trouble: trouble,
                        biting: try biting(key, cgroup, store, boot), owner: owner))
            }
        }
        return result
    }

    /// The value in effect in a cgroup, or why it is not known.
    private func holding(
        _ key: LimitKey, at cgroup: LimitedCgroup
    ) -> (EffectiveLimit?, trouble: String?) {
        do throws(Fault) {
            if let found = try tree.effective(key, at: cgroup) { return (found, nil) }
        } catch {
            return (nil, notKnown(error))
        }
        // The file does not exist: either its controller is off, or the kernel is too old.
        if let controller = key.controller, !cgroup.controllers.contains(controller) {
            return (nil, "the \(controller) controller is off here")
        }
        return (nil, "this kernel has no \(key.file) here")
    }

    /// How much a limit took effect since it was last changed, or since the cgroup was created.
    private func biting(
        _ key: LimitKey, _ cgroup: LimitedCgroup, _ store: Store, _ boot: String
    ) throws(Fault) -> String? {
        let last = try store.lastLimitChange(of: cgroup.id, key.description, boot: boot)
        // The kernel counts since the cgroup was created. Subtract what it had at the last change.
        let count = cgroup.hitCount(of: key).map { max(0, $0 - (last?.hitCount ?? 0)) }
        let since = last.map { " since \($0.at)" } ?? ""
        let felt = count.flatMap { $0 > 0 ? key.definition.words(for: $0, since) : nil }
        switch key {
        case .freeze: return cgroup.isFrozen == true ? "frozen" : nil
        case .memoryMax:
            // Kills are worth telling even if they were before the last change.
            let kills = cgroup.counter("memory.events", "oom_kill") ?? 0
            let killed = kills > 0 ? "\(kills) processes killed in all" : nil
            let all = [felt, killed].compactMap(\.self)
            return all.isEmpty ? nil : all.joined(separator: ", ")
        default: return felt
        }
    }
}

extension LimitDefinition {
    /// A count of `LimitedCgroup.hitCount(of:)` in words.
    fileprivate func words(for count: Int64, _ since: String) -> String? {
        switch hits {
        case .throttled: "throttled \(count / 1000) ms\(since)"
        case .events(_, _, let words): words(count) + since
        case .waited(_, let what): "waited \(count / 1000) ms for \(what)\(since)"
        case nil: nil
        }
    }
}
