import CgroupFormat
import Limits
import Runtimes
import Store
import Units

/// All that is to be said of one limit of one cgroup.
public struct LimitStatus {
    public var path: String
    public var key: LimitKey
    /// What it shall be, if anybody said; and why, if for a time.
    public var wanted: LimitValue?
    public var because: String?
    /// What the kernel's file says; `nil` where that is not known.
    public var written: LimitValue?
    /// `nil` where one of the files that decide it cannot be read.
    public var effective: EffectiveLimit?
    /// Why either is not known, in words.
    public var trouble: String?
    /// How it takes hold, in words; `nil` if it does not.
    public var biting: String?
    public var owner: LimitOwner
}

extension LimitTargets {
    /// What is wanted, written, in force and felt, for every limit of a target.
    ///
    /// - Parameter boot: which boot of the host it is.
    public func truth(
        _ target: LimitTarget, _ store: Store, boot: String
    ) throws(Fault) -> [LimitStatus] {
        let state = try store.limitState(in: tree.path, boot: boot)
        let everyone = DesiredCgroups(state.desires, self)
        var result: [LimitStatus] = []
        for cgroup in target.cgroups {
            let desired = everyone[cgroup.path]?.limits ?? state.desired(target.subject)
            let owner = try tree.owners.owner(of: cgroup.path)
            let devices = Set(cgroup.limitedDevices).union(desired.all.keys.compactMap(\.device))
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

    /// What holds in a cgroup, or why that is not known.
    private func holding(
        _ key: LimitKey, at cgroup: LimitedCgroup
    ) -> (EffectiveLimit?, trouble: String?) {
        do throws(Fault) {
            if let found = try tree.effective(key, at: cgroup) { return (found, nil) }
        } catch {
            return (nil, notKnown(error))
        }
        if let controller = key.controller, !cgroup.controllers.contains(controller) {
            return (nil, "the \(controller) controller is off here")
        }
        return (nil, "this kernel has no \(key.file) here")
    }

    /// How a limit takes hold since it was last changed, or since the cgroup began.
    private func biting(
        _ key: LimitKey, _ cgroup: LimitedCgroup, _ store: Store, _ boot: String
    ) throws(Fault) -> String? {
        let last = try store.lastLimitChange(of: cgroup.id, key.description, boot: boot)
        let count = cgroup.hitCount(of: key).map { max(0, $0 - (last?.hitCount ?? 0)) }
        let since = last.map { " since \($0.at)" } ?? ""
        let felt = count.flatMap { $0 > 0 ? key.definition.words(for: $0, since) : nil }
        switch key {
        case .freeze: return cgroup.isFrozen == true ? "frozen" : nil
        case .memoryMax:
            let kills = cgroup.counter("memory.events", "oom_kill") ?? 0
            let killed = kills > 0 ? "\(kills) processes killed in all" : nil
            let all = [felt, killed].compactMap(\.self)
            return all.isEmpty ? nil : all.joined(separator: ", ")
        default: return felt
        }
    }
}

extension LimitDefinition {
    /// How often it took hold, or for how long, in words.
    fileprivate func words(for count: Int64, _ since: String) -> String? {
        switch hits {
        case .throttled: "throttled \(count / 1000) ms\(since)"
        case .events(_, _, let words): words(count) + since
        case .waited(_, let what): "waited \(count / 1000) ms for \(what)\(since)"
        case nil: nil
        }
    }
}
