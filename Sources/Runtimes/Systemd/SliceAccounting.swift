import Units

/// Checks and enables accounting of io and memory for slices.
///
/// The kernel always accounts CPU time of a slice. It accounts io and memory only if systemd
/// enables the controllers, and only from that time on. Without that they cannot be metered.
public enum SliceAccounting {
    private static let properties = [("IOAccounting", "io"), ("MemoryAccounting", "memory")]

    /// A slice and the meters that are not accounted for it: `io`, `memory` or both.
    public typealias Gap = (slice: String, meters: [String])

    /// The slices for which something is not accounted.
    ///
    /// The result is only advice. It is empty if systemd does not run or does not answer, and
    /// checking stops after 2 s.
    public static func gaps(of slices: [String]) -> [Gap] {
        guard !slices.isEmpty, ServiceManager.isSystemd,
            let bus = try? SystemdBus(timeoutSeconds: 2)
        else { return [] }
        let end = ContinuousClock.now + .seconds(2)
        var gaps: [Gap] = []
        for slice in slices where SliceKeeper.isName(slice) {
            if ContinuousClock.now > end { break }
            let meters = properties.filter { bus.flag($0.0, of: slice, "Slice") == false }.map(\.1)
            if !meters.isEmpty { gaps.append((slice, meters)) }
        }
        return gaps
    }

    /// Enables accounting of io and memory for a slice now and after every reboot.
    ///
    /// - Throws: `notPermitted` if this user may not do it, `failed` if systemd refuses.
    public static func turnOn(for slice: String) throws(Fault) {
        let bus = try SystemdBus()
        do throws(SystemdBus.Refusal) {
            try bus.call("SetUnitProperties") { message in
                message.add(slice)
                message.add(false)
                message.array(of: "(sv)") { message in
                    for (name, _) in properties { message.property(name, "b") { $0.add(true) } }
                }
            }
        } catch {
            throw Fault(
                error.isForbidden ? .notPermitted : .failed, at: slice,
                problem: "systemd refused (\(escapingControlCharacters(error.message)))",
                suggestion: "Run as root: \(command(for: slice))")
        }
    }

    /// The command by which an operator can do the same.
    public static func command(for slice: String) -> String {
        "systemctl set-property \(slice) IOAccounting=yes MemoryAccounting=yes"
    }
}
