import Units

/// What is billed by its amount over time: memory that is held, or a limit that is granted.
public struct Gauge: Sendable {
    /// The number that stands for it in the store.
    ///
    /// Stored data depends on it, so it never changes and is never given to another gauge.
    public let code: Int
    /// The row of the ledger that it fills.
    public let meter: LedgerMeter
    /// What it is measured from, as absences name it.
    public let files: [String]
    /// How many units of value × µs make one base unit of the meter.
    let divisor: Int64
    /// Where its value comes from.
    let source: Source

    /// Where the value of a gauge comes from, and how it counts between two readings.
    enum Source: Sendable {
        /// A value of each sample, integrated by the trapezoid rule: the mean of the values at both
        /// ends of an interval, times its length.
        case held(@Sendable (Sample) -> Int64?)
        /// A limit, which counts as it was at the start of the interval.
        case granted(@Sendable (Reservation) -> Int64?)
    }

    /// A gauge of something held, in bytes.
    ///
    /// The trapezoid rule adds the values at both ends, which is twice the mean. Therefore
    /// 2,000,000 byte-µs make a byte-second, and all numbers stay whole.
    static func bytesHeld(
        _ code: Int, _ meter: LedgerMeter, files: [String],
        _ value: @escaping @Sendable (Sample) -> Int64?
    ) -> Gauge {
        Gauge(code: code, meter: meter, files: files, divisor: 2_000_000, source: .held(value))
    }

    /// The bytes, or the billionths of a core, that a sample shows; `nil` for a limit.
    func held(_ sample: Sample) -> Int64? {
        if case .held(let value) = source { value(sample) } else { nil }
    }

    /// Whether it counts a limit.
    var isGranted: Bool {
        if case .granted = source { true } else { false }
    }
}

extension Position {
    /// Bills the amount of a gauge over the time since its last reading.
    ///
    /// Example for something held: 100 bytes at first and 200 bytes 3 s later are
    /// (100 + 200) ÷ 2 × 3 = 450 byte-seconds.
    ///
    /// - Parameters:
    ///   - value: the new reading; `nil` if it failed.
    ///   - longestHold: in µs. A longer time since the last reading is not measured.
    mutating func hold(
        _ gauge: Gauge, _ value: Int64?, _ moment: Moment, _ longestHold: Int64,
        _ advance: inout Advance
    ) {
        let now = moment.bootMicroseconds
        let last = gauges[gauge]
        if last == nil, value == nil { return }
        let carry = last?.carry ?? 0
        guard let before = last?.value, let since = last?.bootMicroseconds,
            now - since <= longestHold, gauge.isGranted || value != nil
        else {
            gauges[gauge] = GaugeState(value, at: now, carry: carry)
            return
        }
        let sum = Int128(before) + (gauge.isGranted ? 0 : Int128(value ?? 0))
        let held = sum * Int128(now - since) + Int128(carry)
        let (units, rest) = held.quotientAndRemainder(dividingBy: Int128(gauge.divisor))
        advance.add(gauge.meter, units, since: since, until: moment)
        gauges[gauge] = GaugeState(value, at: now, carry: Int64(rest))
    }
}
