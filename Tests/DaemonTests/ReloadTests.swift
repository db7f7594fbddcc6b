import Glibc
import Settings
import Store
import TestSupport
import Testing
import UnixSignals
import Units

@testable import Daemon

/// Settings that were read again, and who takes them when.
@Suite struct ReloadTests {
    private let reload = Reload()

    private func settings(_ interval: Int64, isOn: Bool = true) -> Settings {
        var settings = Settings()
        settings.intervalMilliseconds = interval
        settings.enforcement.isOn = isOn
        settings.enforcement.budgetsEveryMilliseconds = interval * 2
        return settings
    }

    private let fault = Fault(.badData, at: "octroi.yaml:3", problem: "x", suggestion: "y")

    @Test func eachServiceTakesThemOnce() {
        #expect(reload.takeSettings() == nil)
        #expect(reload.takeEnforcement() == nil as EnforcementPlan??)
        reload.set(settings(5))
        #expect(reload.takeSettings()?.intervalMilliseconds == 5)
        #expect(reload.takeSettings() == nil)
        // The other service is still to take its part.
        #expect(reload.takeEnforcement()??.budgetsEveryMilliseconds == 10)
        #expect(reload.takeEnforcement() == nil as EnforcementPlan??)
    }

    /// Nothing to take is not the same as nothing to enforce.
    @Test func enforcingNothingIsAWishToo() throws {
        reload.set(settings(5, isOn: false))
        let wish = try #require(reload.takeEnforcement() as EnforcementPlan??)
        #expect(wish == nil)
        #expect(reload.takeEnforcement() == nil as EnforcementPlan??)
    }

    @Test func theNewestCountsAndAMistakeTakesNothingAway() {
        reload.set(settings(5))
        reload.set(settings(6))
        reload.set(fault)
        #expect(reload.fault == fault)
        #expect(reload.takeSettings()?.intervalMilliseconds == 6)
        #expect(reload.fault == fault, "it is said until the file is right")
        reload.set(settings(7))
        #expect(reload.fault == nil)
        #expect(reload.takeEnforcement()??.budgetsEveryMilliseconds == 14)
    }

    @Test func theZoneOfBudgetsIsThatOfTheBills() throws {
        var settings = settings(5)
        settings.zone = BillingZone.utc
        let plan = try #require(settings.enforcementPlan)
        #expect(plan == EnforcementPlan(zone: .utc, budgetsEveryMilliseconds: 10))
        settings.enforcement.isOn = false
        #expect(settings.enforcementPlan == nil)
    }

    /// Each signal reads the file once, and a mistake changes nothing and ends nothing.
    @Test func aSignalReadsTheFileAgain() async throws {
        let folder = try TemporaryFolder(inMemory: true)
        let lines = LogLines()
        // The daemon's own signal would end a test process that nobody guards.
        let signals = await UnixSignalsSequence(trapping: .sigusr2)
        let service = ReloadService(
            hangups: signals, folder: folder.path, reload: reload, logger: lines.logger)
        try await beside(service.run) {
            for (text, mode, notices, errors) in [
                ("interval: 7s\n", 0o644, 1, 0), ("intervall: 8s\n", 0o644, 1, 1),
                ("interval: 9s\n", 0o666, 1, 2), (nil, 0o644, 2, 2),
            ] as [(String?, mode_t, Int, Int)] {
                let path = "\(folder.path)/octroi.yaml"
                unlink(path)
                if let text { try folder.write(text, to: "octroi.yaml") }
                chmod(path, mode)
                #expect(kill(getpid(), SIGUSR2) == 0)
                try await eventuallyAside("the file was read") {
                    lines.count(of: "notice: ") + lines.count(of: "error: ") == notices + errors
                }
                #expect(lines.count(of: "notice: ") == notices)
                #expect(lines.count(of: "error: ") == errors)
                let taken = reload.takeSettings()?.intervalMilliseconds
                switch text {
                case "interval: 7s\n": #expect(taken == 7000 && reload.fault == nil)
                case "intervall: 8s\n":
                    #expect(taken == nil && reload.fault?.kind == .badData)
                case nil: #expect(taken == 10_000 && reload.fault == nil, "without one: defaults")
                default: #expect(taken == nil && reload.fault?.kind == .notPermitted)
                }
            }
        }
    }
}
