/// A gauge's last value, and the fraction of a unit that is not billed yet.
public struct GaugeState: Hashable, Sendable {
    /// The value; `nil` if the last reading gave none.
    public var value: Int64?
    /// When the gauge was read (`CLOCK_BOOTTIME`, µs).
    public var bootMicroseconds: Int64
    /// What is left below one unit of the meter.
    ///
    /// Its own unit is 1 ÷ `Gauge.divisor` of the meter's. It is added to the next interval, so
    /// that rounding loses nothing in the long run.
    public var carry: Int64

    public init(_ value: Int64?, at bootMicroseconds: Int64, carry: Int64) {
        (self.value, self.bootMicroseconds) = (value, bootMicroseconds)
        self.carry = carry
    }
}

/// Where the gauges of one account stand; a gauge that was never read has no state.
public struct GaugeStates: Hashable, Sendable {
    /// By `Gauge.code`; shorter than the number of gauges if the last ones were never read.
    private var states: [GaugeState?] = []

    /// No gauge was read yet.
    public init() {}

    /// The state of a gauge.
    public subscript(_ gauge: Gauge) -> GaugeState? {
        get { gauge.code < states.count ? states[gauge.code] : nil }
        set { set(gauge.code, newValue) }
    }

    /// Whether every gauge is unread or at 0.
    var areAtZero: Bool { states.allSatisfy { ($0?.value ?? 0) == 0 } }

    /// Whether the gauge of a limit has a value.
    var grantsAnything: Bool {
        HostMeter.gauges.contains { $0.isGranted && self[$0]?.value != nil }
    }

    /// States that nothing changed until a moment: the gauges that were read stand there.
    mutating func moveTimes(to bootMicroseconds: Int64) {
        for index in states.indices { states[index]?.bootMicroseconds = bootMicroseconds }
    }

    private mutating func set(_ code: Int, _ state: GaugeState?) {
        if code >= states.count {
            guard state != nil else { return }
            states.append(contentsOf: repeatElement(nil, count: code + 1 - states.count))
        }
        states[code] = state
    }
}

// In the store, the states are one text: for each gauge its code, value (`-` for none), time and
// carry, with spaces between all of them. Example: `0 4096 1000000 12 3 - 1000000 0`.
extension GaugeStates {
    /// The states as text, in ASCII; empty if no gauge was read.
    public var stored: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(states.count * 48)
        for (code, state) in states.enumerated() {
            guard let state else { continue }
            append(Int64(code), to: &text)
            if let value = state.value {
                append(value, to: &text)
            } else {
                text.append(contentsOf: [UInt8(ascii: "-"), UInt8(ascii: " ")])
            }
            append(state.bootMicroseconds, to: &text)
            append(state.carry, to: &text)
        }
        if !text.isEmpty { text.removeLast() }
        return text
    }

    /// Reads `stored`; `nil` if the text has another form.
    public init?(stored text: some StringProtocol) {
        let words = text.split(separator: " ")
        guard words.count.isMultiple(of: 4) else { return nil }
        for start in stride(from: 0, to: words.count, by: 4) {
            let value = Int64(words[start + 1])
            // A code beyond 255 is no gauge's; it must not make the array large.
            guard let code = Int(words[start]), (0...255).contains(code),
                value != nil || words[start + 1] == "-",
                let at = Int64(words[start + 2]), let carry = Int64(words[start + 3])
            else { return nil }
            set(code, GaugeState(value, at: at, carry: carry))
        }
    }

    /// Appends a number and a space.
    private func append(_ number: Int64, to text: inout [UInt8]) {
        if number < 0 { text.append(UInt8(ascii: "-")) }
        let start = text.count
        var rest = number.magnitude
        repeat {
            text.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        text[start...].reverse()
        text.append(UInt8(ascii: " "))
    }
}
