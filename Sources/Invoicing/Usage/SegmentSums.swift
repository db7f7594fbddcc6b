import Metering
import Pricing
import Units

/// The sums of one span's rows, by segment and meter; rows come in order of hours.
public struct SegmentSums {
    /// What a meter's rows do besides being summed: they are compared hour by hour.
    private enum Role: Int {
        case cpu = 0
        case cpuReserved
        case memory
        case memoryReserved
    }

    private let segments: [Segment]
    private let bounds: [(start: Int64, end: Int64)]
    private let meters: MeterTable
    private let slots: Int
    /// By segment and meter: the role, where the segment's price is for the larger of two.
    private let roles: [Role?]
    private let comparesHours: Bool

    private var sums: [Int128]
    private var maxima: [Int128]
    /// Used in hours without a reservation.
    private var unreserved: [Int128]
    private var assured: [Int128]
    private var segment = 0
    private var last = Int64.min
    private var hour = Int64.min
    private var inHour: [Int128] = [0, 0, 0, 0]
    private var minimum: MinimumDuration

    /// Rows of table assurance count from 0.
    private static let assurances = Assurance.allCases.count

    /// - Parameter segments: in order of time.
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

    /// Adds a row of the ledger.
    ///
    /// - Precondition: hours do not go back within a span.
    ///
    /// - Parameters:
    ///   - hour: its start, in seconds since 1970.
    ///   - meter: the row of the meter.
    ///   - quantity: in base units of the meter.
    ///   - assurance: its code.
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

    /// Hands the span's sums out, and begins anew.
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

    private func isShown(_ meter: Int) -> Bool {
        meters.formulas[meter].map { $0 == segments.last?.book.memory } ?? true
    }

    /// What a segment's book bills of each meter.
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
                // Another measure of what is used: billed only if it is priced.
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
    /// Whether hours of use and of reservation are to be held against each other.
    fileprivate func isReserved(_ meter: String) -> Bool {
        meters[meter].map { $0.basis != .used } ?? false
    }

    /// The quantity, made up to the price's minimum duration for a life of so many seconds.
    public func billable(_ quantity: Int128, _ meter: String, _ life: Int64?) -> Int128 {
        guard let life, let minimum = meters[meter]?.minimumSeconds, life < minimum else {
            return quantity
        }
        let (whole, rest) = scale(quantity, by: Int128(minimum), over: Int128(life))
        return rest > 0 ? whole + 1 : whole
    }
}
