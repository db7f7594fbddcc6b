import Units

/// A systemd timer that runs a command at a given time, even if Octroi no longer runs.
///
/// It ends temporary limits. Timer and service are transient units (StartTransientUnit in
/// org.freedesktop.systemd1(5)), so a reboot removes them, as it does the temporary limits.
public struct DeadManSwitch: Sendable {
    /// The name of the timer unit.
    public let unit: String
    private let service: String
    private let argv: [String]
    private let at: Instant

    /// Describes a timer; nothing is set before `arm(by:)`.
    ///
    /// - Parameters:
    ///   - name: the name of both units without ending: letters, digits and `-`.
    ///   - at: when the command runs.
    ///   - argv: the absolute path of the program, then its arguments.
    public init(_ name: String, at: Instant, argv: [String]) {
        (unit, service) = ("\(name).timer", "\(name).service")
        (self.at, self.argv) = (at, argv)
    }

    /// Sets the timer; if a timer of this name exists, it is left as it is.
    ///
    /// If the command fails it is run again after 10 minutes.
    ///
    /// - Returns: false if systemd does not run on this host.
    /// - Throws: `notPermitted` or `failed` if systemd refuses.
    public func arm(by owners: Owners) throws(Fault) -> Bool {
        guard try owners.systemd() != nil, let program = argv.first else { return false }
        if owners.hasUnit(unit) { return true }
        // A single $ would begin a variable (systemd.service(5), "COMMAND LINES").
        let words = argv.map { $0.replacing("$", with: "$$") }
        try owners.call(unit, "StartTransientUnit") { message in
            message.add(unit)
            message.add("fail")
            message.array(of: "(sv)") { message in
                message.property("Description", "s") { $0.add("Octroi ends a boost of limits") }
                message.property("TimersCalendar", "a(ss)") {
                    $0.array(of: "(ss)") {
                        $0.structure(of: "ss") {
                            $0.add("OnCalendar")
                            $0.add(calendar)
                        }
                    }
                }
                message.property("AccuracyUSec", "t") { $0.add(1_000_000 as UInt64) }
                message.property("RemainAfterElapse", "b") { $0.add(false) }
            }
            message.array(of: "(sa(sv))") {
                $0.structure(of: "sa(sv)") {
                    $0.add(service)
                    $0.array(of: "(sv)") { message in
                        message.property("Description", "s") {
                            $0.add("Octroi ends a boost of limits")
                        }
                        message.property("Type", "s") { $0.add("oneshot") }
                        message.property("Restart", "s") { $0.add("on-failure") }
                        message.property("RestartUSec", "t") { $0.add(600_000_000 as UInt64) }
                        // Unload the service even after it failed, so that its name can be used
                        // again.
                        message.property("CollectMode", "s") { $0.add("inactive-or-failed") }
                        message.property("ExecStart", "a(sasb)") {
                            $0.array(of: "(sasb)") {
                                $0.structure(of: "sasb") { message in
                                    message.add(program)
                                    message.array(of: "s") { for word in words { $0.add(word) } }
                                    message.add(false)
                                }
                            }
                        }
                    }
                }
            }
        }
        return true
    }

    /// Removes the timer, if it still exists.
    public func disarm(by owners: Owners) {
        _ = try? owners.call(unit, "StopUnit") {
            $0.add(unit)
            $0.add("replace")
        }
    }

    /// The time as `2026-11-24 12:00:01 UTC` (systemd.time(7)), rounded up to a whole second.
    private var calendar: String {
        let seconds = (at.milliseconds + 999) / 1000
        let text = Instant(seconds: seconds).description
        return text.replacing("T", with: " ").replacing("Z", with: " UTC")
    }
}
