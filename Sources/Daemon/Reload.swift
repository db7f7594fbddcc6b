import Logging
import ServiceLifecycle
import Settings
import Synchronization
import UnixSignals
import Units

/// Settings that were read again, kept until each service takes them over at its next tick.
final class Reload: Sendable {
    /// What was read and is not taken yet.
    private struct State {
        /// For the collector; `nil` once it is taken.
        var settings: Settings?
        /// For the enforcement service; the outer `nil` means that there is nothing to take.
        ///
        /// The inner `nil` means that nothing is to be enforced.
        var enforcement: EnforcementPlan??
        /// The mistake in octroi.yaml at the last reading; `nil` if there was none.
        var fault: Fault?
    }

    private let state = Mutex(State())

    /// Keeps new settings for both services, and forgets an earlier mistake.
    func set(_ settings: Settings) {
        state.withLock { state in
            (state.settings, state.fault) = (settings, nil)
            state.enforcement = .some(settings.enforcementPlan)
        }
    }

    /// Keeps a mistake; the settings that are in force stay.
    func set(_ fault: Fault) { state.withLock { $0.fault = fault } }

    /// The mistake in octroi.yaml at the last reading; `nil` if there was none.
    var fault: Fault? { state.withLock { $0.fault } }

    /// Takes the new settings, once.
    ///
    /// - Returns: `nil` if none were read since the last call.
    func takeSettings() -> Settings? {
        state.withLock { state in
            defer { state.settings = nil }
            return state.settings
        }
    }

    /// Takes the new plan of enforcement, once.
    ///
    /// - Returns: `nil` if nothing was read since the last call; `.some(nil)` to enforce nothing.
    func takeEnforcement() -> EnforcementPlan?? {
        state.withLock { state in
            defer { state.enforcement = nil }
            return state.enforcement
        }
    }
}

extension Settings {
    /// The plan of enforcement by these settings; `nil` if the daemon only meters.
    var enforcementPlan: EnforcementPlan? {
        guard enforcement.isOn else { return nil }
        return EnforcementPlan(
            zone: zone, budgetsEveryMilliseconds: enforcement.budgetsEveryMilliseconds)
    }
}

/// The service that reads octroi.yaml again at each SIGHUP.
///
/// A mistake in the file changes nothing and does not end the daemon. A file that every user may
/// write is refused, because the daemon obeys it.
struct ReloadService: Service {
    /// The signals, one element each.
    let hangups: UnixSignalsSequence
    /// The config folder.
    let folder: String
    /// Receives the settings or the mistake.
    let reload: Reload
    let logger: Logger

    /// Waits for signals until the services shut down.
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
