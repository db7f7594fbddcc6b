import Units

/// Whether systemd lets the kernel account the io and memory of a slice, so that both can be metered.
///
/// CPU time is always accounted. io is not, unless somebody asks for it, and then only from that time on.
public enum SliceAccounting {
    private static let properties = [("IOAccounting", "io"), ("MemoryAccounting", "memory")]

    /// A slice, and what is not accounted of it, `io` or `memory`.
    public typealias Gap = (slice: String, meters: [String])

    /// The slices of which something is not accounted; none where systemd does not run or gives no
    /// answer.
    ///
    /// It is advice: of very many slices, those that 2 s suffice for are looked at.
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

    /// Lets it be accounted from now on, over reboots as well.
    ///
    /// - Throws: `notPermitted` if this user may not, `failed` if systemd refuses.
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

    /// What an operator would type.
    public static func command(for slice: String) -> String {
        "systemctl set-property \(slice) IOAccounting=yes MemoryAccounting=yes"
    }
}
