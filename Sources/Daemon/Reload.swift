import Logging
import ServiceLifecycle
import Settings
import Synchronization
import UnixSignals
import Units

/// Settings that were read again, until the services take them over at their next tick.
final class Reload: Sendable {
    private struct State {
        /// For the collector; `nil` once it is taken.
        var settings: Settings?
        /// For the enforcement; `nil` once it is taken, or if nothing was read again.
        var enforcement: EnforcementPlan??
        /// What was wrong with the settings when they were last read again.
        var fault: Fault?
    }

    private let state = Mutex(State())

    func set(_ settings: Settings) {
        state.withLock { state in
            (state.settings, state.fault) = (settings, nil)
            state.enforcement = .some(settings.enforcementPlan)
        }
    }

    func set(_ fault: Fault) { state.withLock { $0.fault = fault } }

    /// What was wrong with the settings when they were last read again; `nil` is nothing.
    var fault: Fault? { state.withLock { $0.fault } }

    /// The settings that were read since they were last taken; `nil` is none.
    func takeSettings() -> Settings? {
        state.withLock { state in
            defer { state.settings = nil }
            return state.settings
        }
    }

    /// How to enforce from now on, `nil` within for not at all; `nil` if nothing was read again.
    func takeEnforcement() -> EnforcementPlan?? {
        state.withLock { state in
            defer { state.enforcement = nil }
            return state.enforcement
        }
    }
}

extension Settings {
    /// How the daemon enforces by them; `nil` if it only meters.
    var enforcementPlan: EnforcementPlan? {
        guard enforcement.isOn else { return nil }
        return EnforcementPlan(
            zone: zone, budgetsEveryMilliseconds: enforcement.budgetsEveryMilliseconds)
    }
}

/// Reads octroi.yaml again at each SIGHUP; a mistake in it changes nothing and ends nothing.
struct ReloadService: Service {
    let hangups: UnixSignalsSequence
    let folder: String
    let reload: Reload
    let logger: Logger

    func run() async {
        for await _ in hangups.cancelOnGracefulShutdown() {
            do throws(Fault) {
                try refuseOpenFiles(in: folder)
                reload.set(try Settings(folder: folder))
                logger.notice(
                    "octroi.yaml was read again; interval, store and cgroup_root count at the next start"
                )
            } catch {
                reload.set(error)
                logger.error("the settings stay as they were: \(error)")
            }
        }
    }
}
