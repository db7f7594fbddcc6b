import CgroupFS
import Glibc
import Limits
import Runtimes
import Store
import Units

extension LimitChanger {
    /// Sets planned limits for a time; call it while holding the limits lock.
    ///
    /// A systemd timer ends the boost even if Octroi no longer runs. Owners are told to keep the
    /// values until the next boot only, so a reboot ends it, too.
    ///
    /// - Parameters:
    ///   - length: how long, in ms; at least 1000.
    ///   - isForced: whether memory may be set below what is in use at once.
    /// - Returns: the change, and a sentence that says when and by whom it is ended.
    public func boost(
        _ plan: LimitPlan, _ targets: LimitTargets, forMilliseconds length: Int64, reason: String?,
        isForced: Bool = false
    ) throws(Fault) -> (set: LimitChangeSet, ending: String) {
        try plan.refuseRisk(isForced: isForced, in: tree.path)
        let subject = plan.target.subject
        let since = now()
        // systemd's timers have a resolution of a second here.
        guard length >= 1000 else {
            throw Fault(
                .wrongUse, at: "--for", problem: "less than a second",
                suggestion: "Write a time such as 2h"
            )
        }
        let until = Instant(milliseconds: since.milliseconds + length)
        let overlays = plan.values.map { setting in
            LimitOverlay(
                .boost, subject, tenant: plan.target.tenant, root: tree.path, setting.key,
                setting.value, since: since, until: until)
        }
        // A new boost of a limit replaces the one in force.
        let keys = Set(overlays.map(\.key))
        let replaced = try state().overlays.filter {
            $0.source == .boost && $0.subject == subject && keys.contains($0.key)
        }
        let timer = timer(since, until)
        // Set the timer first: a boost without a timer could outlive this process.
        let isArmed = try timer.arm(by: tree.owners)
        do throws(Fault) {
            guard
                // Everything in one change: if a part fails, no part of the boost remains.
                let set = try lay(
                    overlays, ending: replaced, targets, .boost, reason: reason,
                    isForced: isForced)
            else { preconditionFailure("a boost of nothing") }
            let ending =
                isArmed
                ? "it ends at \(until); \(timer.unit) of systemd sees to it"
                : "it ends at \(until), by the daemon or else by the next octroi limit command that "
                    + "writes: no systemd runs here to see to it"
            return (set, [ending, lostByReload(plan)].compactMap(\.self).joined(separator: "; "))
        } catch {
            // The change was rolled back, so there is nothing to end.
            if isArmed { timer.disarm(by: tree.owners) }
            throw error
        }
    }

    /// Why a daemon-reload would end a boost early; `nil` if it would not.
    private func lostByReload(_ plan: LimitPlan) -> String? {
        let lost = Set(
            plan.writes.filter { $0.owner.isKeptByFile && !$0.isInForce }.compactMap(\.owner.unit)
        ).filter { !tree.owners.keepsPassing(of: $0) }
        guard !lost.isEmpty else { return nil }
        return "systemctl daemon-reload ends it before, as this user may not write "
            + "/run/systemd/system"
    }

    /// Sets the timers of boosts in force that have none, as after a reboot.
    ///
    /// - Returns: the reasons why some timers could not be set.
    func armStandingBoosts() throws(Fault) -> [Fault] {
        var faults: [Fault] = []
        for overlay in try state().overlays where overlay.source == .boost {
            // A boost that is overdue is ended at once and needs no timer.
            guard let until = overlay.until, until > now() else { continue }
            do throws(Fault) {
                _ = try timer(overlay.since, until).arm(by: tree.owners)
            } catch {
                faults.append(error)
            }
        }
        return faults
    }

    /// The timer of the boost that began at `since`; it runs `octroi limit expire`.
    private func timer(_ since: Instant, _ until: Instant) -> DeadManSwitch {
        DeadManSwitch(
            "octroi-boost-\(since.milliseconds)", at: until,
            argv: [
                resolved("/proc/self/exe") ?? "/usr/local/bin/octroi", "limit", "expire", "--db",
                resolved(store.path) ?? store.path, "--root", tree.path,
            ])
    }
}

/// The path without symbolic links; `nil` if it does not exist.
private func resolved(_ path: String) -> String? {
    guard let path = realpath(path, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
}
