import Units

/// A timer of systemd that runs a command at a time, whether Octroi lives then or not.
///
/// Two transient units (StartTransientUnit of org.freedesktop.systemd1(5)): they go with a reboot, as
/// limits that were set only until the next one do.
public struct DeadManSwitch: Sendable {
    /// The timer's unit.
    public let unit: String
    private let service: String
    private let argv: [String]
    private let at: Instant

    /// - Parameters:
    ///   - name: of plain letters, digits and `-`.
    ///   - argv: the program's absolute path and its words.
    public init(_ name: String, at: Instant, argv: [String]) {
        (unit, service) = ("\(name).timer", "\(name).service")
        (self.at, self.argv) = (at, argv)
    }

    /// Sets the timer; one of this name that is set already stays.
    ///
    /// - Returns: false where systemd does not run the host.
    public func arm(by owners: Owners) throws(Fault) -> Bool {
        guard try owners.systemd() != nil, let program = argv.first else { return false }
        if owners.hasUnit(unit) { return true }
        // A $ would begin a variable (systemd.service(5)).
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
                        // A run that failed for good must not hold the name.
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

    /// Takes it away; nothing happens if it is gone.
    public func disarm(by owners: Owners) {
        _ = try? owners.call(unit, "StopUnit") {
            $0.add(unit)
            $0.add("replace")
        }
    }

    /// `2026-11-24 12:00:01 UTC` (systemd.time(7)): the first whole second at or after the time.
    private var calendar: String {
        let seconds = (at.milliseconds + 999) / 1000
        let text = Instant(seconds: seconds).description
        return text.replacing("T", with: " ").replacing("Z", with: " UTC")
    }
}
