import Units

/// A meter that Octroi reads from the host: where its figures come from, and what they count.
///
/// Each file beside this one describes the meters of one source, and `all` lists them. Everything
/// else that depends on a meter (its unit, the files that it needs, its place in a FOCUS export) is
/// read from here. `docs/extending.md` says how to add one.
public struct HostMeter: Sendable {
    /// The row of the ledger that it fills.
    public let meter: LedgerMeter
    /// The kind of quantity, which sets the base unit.
    public let dimension: Dimension
    /// What it is measured from, by the names that absences use; the counter's file comes first.
    public let files: [String]
    /// The columns of samples that show its readings.
    public let columns: [String]
    /// Whether a reading missed now is made up for by the next one.
    public let reading: Reading
    /// What a customer buys with it.
    public let service: Service

    /// How readings become usage.
    public enum Reading: Sendable {
        /// The rise of a counter.
        ///
        /// Time in which it is not read is billed by the next reading.
        case counter
        /// An amount over time.
        ///
        /// Time in which it is not read is not measured.
        case gauge(Gauge)
    }

    /// The kinds of service that invoices and exports tell apart.
    public enum Service: Sendable {
        /// CPU and memory.
        case compute
        /// Traffic to and from block devices.
        case blockStorage
        /// Space in a file system.
        case fileStorage
        /// Traffic of a network.
        case network
    }

    /// A meter that counts the rise of a counter.
    init(
        counter meter: Meter, _ dimension: Dimension, _ files: [String], _ service: Service,
        columns: [String]
    ) {
        (self.meter, self.dimension, self.columns) = (.meter(meter), dimension, columns)
        (self.files, self.reading, self.service) = (files, .counter, service)
    }

    /// A meter that counts an amount over time.
    init(_ gauge: Gauge, _ dimension: Dimension, _ service: Service, columns: [String]) {
        (meter, self.dimension, self.columns) = (gauge.meter, dimension, columns)
        (files, reading, self.service) = (gauge.files, .gauge(gauge), service)
    }

    /// Every meter that Octroi reads.
    public static let all: [HostMeter] =
        CPUMeter.all + MemoryMeter.all + IOMeter.all + NetworkMeter.all + ReservationMeter.all
        + StorageMeter.all

    /// The gauges among them.
    static let gauges: [Gauge] = all.compactMap {
        if case .gauge(let gauge) = $0.reading { gauge } else { nil }
    }
}

extension Meter {
    /// The meters that Octroi fills itself; any other name is a custom meter.
    public static let known: Set<Meter> = Set(HostMeter.all.map(\.meter.priced))

    /// The dimension of a known meter.
    ///
    /// `nil` for a custom meter: its price defines the unit.
    public var dimension: Dimension? { Self.facts[self]?.dimension }

    /// What a customer buys with a known meter; `nil` for a custom meter.
    public var service: HostMeter.Service? { Self.facts[self]?.service }

    /// Whether it counts what limits grant, not what is used.
    public var isReservation: Bool { self == .cpuReserved || self == .memoryReserved }

    /// The description of each known meter; the three formulas of memory agree in what they count.
    private static let facts: [Meter: HostMeter] = Dictionary(
        HostMeter.all.map { ($0.meter.priced, $0) }, uniquingKeysWith: { first, _ in first })
}

extension LedgerMeter {
    /// The meter that a price book prices: memory for each of its formulas.
    var priced: Meter {
        switch self {
        case .meter(let meter): meter
        case .memory: .memory
        }
    }

    /// The files it is measured from, as absences name them; the counter's comes first.
    public var files: [String] { Self.described[self]?.files ?? [] }

    /// Files of counters, each once.
    ///
    /// Time in which they are not read is billed by the next reading.
    public static let counterFiles = unique(
        HostMeter.all.flatMap { meter in
            if case .counter = meter.reading { meter.files } else { [String]() }
        })
    /// Files of gauges and limits, each once.
    ///
    /// Time in which they are not read is not measured.
    public static let gaugeFiles = unique(HostMeter.gauges.flatMap(\.files))

    /// The columns of samples that show its readings; empty for a custom meter, and for folders,
    /// which have measurements instead.
    public var columns: [String] { Self.described[self]?.columns ?? [] }

    /// The description of each row of the ledger that Octroi fills.
    private static let described: [LedgerMeter: HostMeter] = Dictionary(
        HostMeter.all.map { ($0.meter, $0) }, uniquingKeysWith: { first, _ in first })
}

/// The texts in the order in which they first occur.
private func unique(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
}
