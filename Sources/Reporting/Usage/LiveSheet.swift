import BigInt
import Metering
import Units

/// The column that a list of containers is sorted by.
public enum LiveOrder: String, Sendable, CaseIterable {
    /// The order in which the containers are given, which is by tenant.
    case tenant
    /// CPU time per second.
    case cpu
    /// Memory in use.
    case memory
    /// Bytes read and written per second.
    case io
    /// Bytes received and sent per second.
    case net
    /// The cost in the current hour.
    case cost
}

/// A running container with its cost in the current hour so far.
///
/// It may also be a tenant root, or the total of a tenant.
public struct PricedContainer: Sendable {
    /// What it is, and what it uses.
    public var live: LiveContainer
    /// The exact cost in major units of the currency; `nil` if it is not known.
    public var cost: Rational?
    /// The currency of the cost; `nil` if the cost is not known.
    public var currency: Currency?
    /// The cost as tables show it, in millionths of a major unit.
    ///
    /// It is rounded by largest remainder (`distribute`), so that the costs of a tenant's
    /// containers add up to the tenant's total.
    public var shown: BigInt

    public init(
        live: LiveContainer, cost: Rational?, currency: Currency?, shown: BigInt = 0
    ) {
        (self.live, self.cost, self.currency) = (live, cost, currency)
        self.shown = shown
    }
}

/// The columns with current usage, limits and cost; csv and json have base units.
public let liveColumns = [
    "cpu_us_per_s", "memory_bytes", "io_read_bytes_per_s", "io_write_bytes_per_s",
    "net_rx_bytes_per_s", "net_tx_bytes_per_s", "cpu_limit_us_per_s", "memory_limit_bytes",
    "throttled_us_per_s", "cost_this_hour", "currency",
]

/// The headings of these columns in tables, without the units: each cell names its own.
public let liveHeadings = [
    "cpu_us_per_s": "cpu", "memory_bytes": "memory", "io_read_bytes_per_s": "read",
    "io_write_bytes_per_s": "write", "net_rx_bytes_per_s": "net in",
    "net_tx_bytes_per_s": "net out",
    "cpu_limit_us_per_s": "cpu limit", "memory_limit_bytes": "memory limit",
    "throttled_us_per_s": "throttled",
]

/// The cells of `liveColumns` for a container.
///
/// - Parameter container: `nil` for a container that has ended; its cells are empty.
public func liveCells(_ container: PricedContainer?) -> [Cell] {
    guard let container else { return liveColumns.map { _ in .none } }
    let live = container.live
    return [
        percent(live.cpuRate), bytes(live.memory), rate(live.ioReadRate), rate(live.ioWriteRate),
        rate(live.netReceiveRate), rate(live.netSendRate), percent(live.cpuLimit),
        bytes(live.memoryLimit), percent(live.throttledRate),
        container.cost.map {
            .rational($0, display: decimalText(container.shown, places: 6))
        } ?? .none,
        .optional(container.currency?.code),
    ]
}

/// The sheet that `octroi top` prints.
///
/// A table leaves out columns that are empty in every row.
public func liveSheet(_ containers: [PricedContainer], title: String? = nil) -> Sheet {
    // A tenant's total is the row without a container, so a table needs no column for the kind.
    var unused: Set = ["kind"]
    let columns = ["tenant", "container", "name"] + liveColumns + ["kind"]
    let rows = containers.map { container -> [Cell] in
        [
            .text(container.live.tenant), .optional(container.live.path),
            .optional(container.live.name),
        ] + liveCells(container) + [.text(container.live.kind.rawValue)]
    }
    for (index, column) in columns.enumerated() where rows.allSatisfy({ $0[index] == .none }) {
        unused.insert(column)
    }
    return Sheet(
        columns: columns, rows: rows, title: title, notInTable: unused, headings: liveHeadings)
}

/// Sorts containers by a column, the largest value first.
///
/// Containers for which the value is not known come last. Equal ones keep their order.
public func sorted(_ containers: [PricedContainer], by order: LiveOrder) -> [PricedContainer] {
    /// The sum; `nil` if neither part is known.
    func sum(_ a: Int64?, _ b: Int64?) -> Int64? {
        a == nil && b == nil ? nil : (a ?? 0) &+ (b ?? 0)
    }
    /// The value that a container is sorted by; `nil` if it is not known.
    func value(_ container: PricedContainer) -> Rational? {
        let live = container.live
        switch order {
        case .tenant: return nil
        case .cpu: return live.cpuRate.map { Rational($0) }
        case .memory: return live.memory.map { Rational($0) }
        case .io: return sum(live.ioReadRate, live.ioWriteRate).map { Rational($0) }
        case .net: return sum(live.netReceiveRate, live.netSendRate).map { Rational($0) }
        case .cost: return container.cost
        }
    }
    return containers.enumerated().sorted { a, b in
        switch (value(a.element), value(b.element)) {
        case (let x?, let y?) where x != y: y < x
        case (.some, nil): true
        case (nil, .some): false
        default: a.offset < b.offset
        }
    }.map(\.element)
}

/// CPU time as a percentage of one core.
///
/// - Parameter microseconds: µs per second: 1,500,000 is 150 %.
private func percent(_ microseconds: Int64?) -> Cell {
    microseconds.map {
        .integer(Int128($0), display: scaled(Rational($0) / Rational(10_000), places: 1, "%"))
    } ?? .none
}

/// An amount of memory in bytes.
private func bytes(_ count: Int64?) -> Cell {
    count.map { .integer(Int128($0), display: humanBytes(Int128($0))) } ?? .none
}

/// A rate in bytes per second.
private func rate(_ count: Int64?) -> Cell {
    count.map { .integer(Int128($0), display: humanBytes(Int128($0)) + "/s") } ?? .none
}
