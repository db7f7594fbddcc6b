import BigInt
import Metering
import Units

/// What a list of containers is sorted by.
public enum LiveOrder: String, Sendable, CaseIterable {
    case tenant
    case cpu
    case memory
    case io
    case net
    case cost
}

/// A container with what it cost in this hour so far.
public struct PricedContainer: Sendable {
    public var live: LiveContainer
    /// Exact, in major units; `nil` if it is not known.
    public var cost: Rational?
    public var currency: Currency?
    /// The cost in millionths, rounded so that a tenant's rows still add up.
    public var shown: BigInt

    public init(
        live: LiveContainer, cost: Rational?, currency: Currency?, shown: BigInt = 0
    ) {
        (self.live, self.cost, self.currency) = (live, cost, currency)
        self.shown = shown
    }
}

/// The columns that say what a container does now.
public let liveColumns = [
    "cpu_us_per_s", "memory_bytes", "io_read_bytes_per_s", "io_write_bytes_per_s",
    "net_rx_bytes_per_s", "net_tx_bytes_per_s", "cpu_limit_us_per_s", "memory_limit_bytes",
    "throttled_us_per_s", "cost_this_hour", "currency",
]

/// What a table calls these columns, as its cells name their units.
public let liveHeadings = [
    "cpu_us_per_s": "cpu", "memory_bytes": "memory", "io_read_bytes_per_s": "read",
    "io_write_bytes_per_s": "write", "net_rx_bytes_per_s": "net in",
    "net_tx_bytes_per_s": "net out",
    "cpu_limit_us_per_s": "cpu limit", "memory_limit_bytes": "memory limit",
    "throttled_us_per_s": "throttled",
]

/// The cells of these columns; of a container that is not live, all empty.
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

/// Live containers as `octroi top` lists them.
public func liveSheet(_ containers: [PricedContainer], title: String? = nil) -> Sheet {
    // A row without a container says by that what it is.
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

/// Sorts containers: those that do the most first, by tenant and path where they do the same.
public func sorted(_ containers: [PricedContainer], by order: LiveOrder) -> [PricedContainer] {
    func sum(_ a: Int64?, _ b: Int64?) -> Int64? {
        a == nil && b == nil ? nil : (a ?? 0) &+ (b ?? 0)
    }
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

private func percent(_ microseconds: Int64?) -> Cell {
    microseconds.map {
        .integer(Int128($0), display: scaled(Rational($0) / Rational(10_000), places: 1, "%"))
    } ?? .none
}

private func bytes(_ count: Int64?) -> Cell {
    count.map { .integer(Int128($0), display: humanBytes(Int128($0))) } ?? .none
}

private func rate(_ count: Int64?) -> Cell {
    count.map { .integer(Int128($0), display: humanBytes(Int128($0)) + "/s") } ?? .none
}
