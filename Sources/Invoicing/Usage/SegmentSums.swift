import Metering
import Pricing
import Units

/// Sums one account's ledger rows by segment and meter, in one pass and without allocating per row.
///
/// Use: `add` each row of a span in order of hours, then `finish` the span, then begin with the
/// next.
public struct SegmentSums {
    /// The part that a meter's rows play in comparing usage with reservation, hour by hour.
    ///
    /// The raw value is the place in `inHour`: used and reserved of a resource lie side by side.
    private enum Role: Int {
        case cpu = 0
        case cpuReserved
        case memory
        case memoryReserved
    }

    private let segments: [Segment]
    /// The start and end of each segment, in seconds since 1970.
    private let bounds: [(start: Int64, end: Int64)]
    private let meters: MeterTable
    /// The number of meters, which is the length of a segment's row in `sums`.
    private let slots: Int
    /// The role of each meter in each segment; `nil` unless the price bills reservations.
    ///
    /// That is a price with basis `reserved` or `max`. The index is segment × `slots` + meter.
    private let roles: [Role?]
    /// Whether any segment compares hours; if not, that work is skipped for each row.
    private let comparesHours: Bool

    /// The sum of each meter in each segment, indexed like `roles`.
    private var sums: [Int128]
    /// The sum over hours of the larger of used and reserved: CPU and memory of each segment.
    private var maxima: [Int128]
    /// The sum of what was used in hours without a reservation, indexed like `maxima`.
    private var unreserved: [Int128]
    /// The sum of each meter by assurance.
    private var assured: [Int128]
    /// The segment of the newest row.
    private var segment = 0
    /// The hour of the newest row.
    private var last = Int64.min
    /// The hour that `inHour` holds.
    private var hour = Int64.min
    /// Used CPU, reserved CPU, used memory and reserved memory in `hour`.
    private var inHour: [Int128] = [0, 0, 0, 0]
    private var minimum: MinimumDuration

    /// The number of assurances; their codes count from 0.
    private static let assurances = Assurance.allCases.count

    /// Creates empty sums.
    ///
    /// - Parameters:
    ///   - segments: in order of time.
    ///   - meters: the meters of the store that the rows come from.
    public init(_ segments: [Segment], _ meters: MeterTable) {
        (self.segments, self.meters) = (segments, meters)
        minimum = MinimumDuration(segments)
        bounds = segments.map { ($0.period.start.seconds, $0.period.end.seconds) }
        let slots = meters.names.count
        self.slots = slots
        roles = segments.flatMap { segment in
            (0..<slots).map { meter in
                let name = meters.names[meter]
                let isMemory = meters.formulas[meter].map { $0 == segment.book.memory } ?? true
                switch name {
                case "cpu" where segment.book.isReserved("cpu"): return .cpu
                case "cpu_reserved" where segment.book.isReserved("cpu"): return .cpuReserved
                case "memory" where segment.book.isReserved("memory") && isMemory: return .memory
                case "memory_reserved" where segment.book.isReserved("memory"):
                    return .memoryReserved
                default: return nil
                }
            }
        }
        comparesHours = roles.contains { $0 != nil }
        sums = Array(repeating: 0, count: segments.count * slots)
        maxima = Array(repeating: 0, count: segments.count * 2)
        unreserved = maxima
        assured = Array(repeating: 0, count: slots * Self.assurances)
    }

    /// Adds a row of the ledger; a row outside all segments is ignored.
    ///
    /// - Precondition: hours do not go back within a span.
    ///
    /// - Parameters:
    ///   - hour: the start of the ledger hour, in seconds since 1970.
    ///   - meter: the row number of the meter.
    ///   - quantity: in base units of the meter.
    ///   - assurance: an `Assurance.code`.
    public mutating func add(_ hour: Int64, _ meter: Int64, _ quantity: Int64, _ assurance: Int64) {
        precondition(hour >= last, "usage out of order would be left out of a bill")
        last = hour
        if comparesHours, hour != self.hour { closeHour(hour) }
        while segment < bounds.count, hour >= bounds[segment].end { segment += 1 }
        guard segment < bounds.count, hour >= bounds[segment].start else { return }
        let index = segment * slots + Int(meter)
        sums[index] += Int128(quantity)
        assured[Int(meter) * Self.assurances + Int(assurance)] += Int128(quantity)
        if comparesHours, let role = roles[index] { inHour[role.rawValue] += Int128(quantity) }
    }

    /// Compares used with reserved in the hour that has ended, and begins the next one.
    ///
    /// Example for CPU: 30 used and 50 reserved add 50 to `maxima`. 30 used and 0 reserved add 30
    /// to `maxima` and 30 to `unreserved`.
    private mutating func closeHour(_ next: Int64) {
        if segment < bounds.count {
            for place in 0..<2 {
                let (used, reserved) = (inHour[place * 2], inHour[place * 2 + 1])
                maxima[segment * 2 + place] += max(used, reserved)
                if reserved == 0 { unreserved[segment * 2 + place] += used }
            }
        }
        inHour = [0, 0, 0, 0]
        hour = next
    }

    /// Appends the span's sums to a result, and starts over for the next span.
    ///
    /// - Parameters:
    ///   - result: gets one usage for each segment and meter with a quantity.
    ///   - assured: gets the quantities by meter and assurance.
    public mutating func finish(
        _ span: OwnedSpan, into result: inout [AccountUsage], _ assured: inout AssuredUsage
    ) {
        if comparesHours { closeHour(.min) }
        for index in segments.indices {
            for (meter, quantity, isUnreserved) in quantities(index) where quantity != 0 {
                result.append(
                    AccountUsage(
                        segment: index, span: span, meter: meter, isUnreserved: isUnreserved,
                        quantity: quantity,
                        billable: minimum.billable(
                            quantity, of: meter, isUnreserved: isUnreserved, in: index, span)))
            }
        }
        for meter in 0..<slots {
            for assurance in 0..<Self.assurances {
                let sum = self.assured[meter * Self.assurances + assurance]
                guard sum != 0, isShown(meter) else { continue }
                assured.add(sum, of: meters.names[meter], Int64(assurance))
            }
        }
        for index in sums.indices { sums[index] = 0 }
        for index in maxima.indices { (maxima[index], unreserved[index]) = (0, 0) }
        for index in self.assured.indices { self.assured[index] = 0 }
        (segment, last) = (0, .min)
    }

    /// Whether invoices show the meter: of memory, only the formula of the last segment's book.
    private func isShown(_ meter: Int) -> Bool {
        meters.formulas[meter].map { $0 == segments.last?.book.memory } ?? true
    }

    /// The quantity of each meter as a segment's book bills it: meter, quantity, `isUnreserved`.
    private func quantities(_ segment: Int) -> [(String, Int128, Bool)] {
        let book = segments[segment].book
        var totals: [String: Int128] = [:]
        for meter in 0..<slots where sums[segment * slots + meter] != 0 {
            if let formula = meters.formulas[meter], formula != book.memory { continue }
            totals[meters.names[meter], default: 0] += sums[segment * slots + meter]
        }
        var result: [(String, Int128, Bool)] = []
        for (used, reserved, place) in [
            ("cpu", "cpu_reserved", 0), ("memory", "memory_reserved", 1),
        ] {
            let reservation = totals[reserved] ?? 0
            switch book.meters[used]?.basis ?? .used {
            case .used:
                // A reservation is another measure of the same resource: it is billed only if it
                // has a price.
                if book.meters[reserved] == nil { totals[reserved] = nil }
            case .reserved:
                (totals[used], totals[reserved]) = (reservation, nil)
                result.append((used, unreserved[segment * 2 + place], true))
            case .max:
                (totals[used], totals[reserved]) = (maxima[segment * 2 + place], nil)
            }
        }
        return result + totals.sorted { $0.key < $1.key }.map { ($0.key, $0.value, false) }
    }
}

extension PriceBook {
    /// Whether a meter's price bills reservations, so that hours have to be compared.
    fileprivate func isReserved(_ meter: String) -> Bool {
        meters[meter].map { $0.basis != .used } ?? false
    }

    /// The quantity of a meter, raised to the minimum duration of its price.
    ///
    /// Example: 7 units, a life of 10 s, a minimum of 25 s: 7 × 25 ÷ 10 = 17.5, which becomes 18.
    ///
    /// - Parameter life: the started seconds of the container's life; `nil` if no minimum applies.
    public func billable(_ quantity: Int128, _ meter: String, _ life: Int64?) -> Int128 {
        guard let life, let minimum = meters[meter]?.minimumSeconds, life < minimum else {
            return quantity
        }
        let (whole, rest) = scale(quantity, by: Int128(minimum), over: Int128(life))
        return rest > 0 ? whole + 1 : whole
    }
}
