import BigInt
import Invoicing
import Metering
import Pricing
import Reporting
import Testing
import Units

private func price(_ text: String) throws -> Rational { try #require(Rational(decimal: text)) }

private func cgroup(
    _ row: Int64, _ path: String, _ tenant: String = "acme",
    kind: LiveContainer.Kind = .container, root: Int64? = nil, cpu: Int64? = nil,
    memory: Int64? = nil
) -> LiveContainer {
    var live = LiveContainer(row: row, path: path, tenant: tenant, runtime: "", kind: kind)
    (live.root, live.cpuRate, live.memory) = (root, cpu, memory)
    return live
}

/// What an hour costs in which each container used so many things, and a thing costs 1 EUR ÷ `per`.
private func cost(_ uses: [Int64: Int128], per: Int = 1) throws -> HourCost {
    let month = try #require(Period(month: "2026-11"))
    let book = PriceBook(
        id: "b", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
        rounding: .halfEven, memory: .unreclaimable, unpriced: .show, taxes: [],
        meters: [
            "thing": Price(
                amount: try #require(DecimalPrice("1")),
                per: try #require(UnitQuantity("\(per) thing")))
        ])
    func parts(_ quantity: Int128) -> [SegmentUsage] {
        [
            SegmentUsage(
                segment: Segment(period: month, month: month, book: book),
                usage: [
                    MeterUsage(container: ExactText(""), meter: "thing", quantity: quantity)
                ])
        ]
    }
    return try HourCost(
        of: "acme", before: parts(100), now: parts(100 + uses.values.reduce(0, +)),
        uses.sorted { $0.key < $1.key }.map {
            HourCost.Use(container: $0.key, meter: "thing", quantity: $0.value)
        }, in: book.currency)
}

@Suite struct LiveSumsTests {
    /// A root whose counters hold two containers and 7 µs/s, 30 bytes and 2 EUR of its own.
    private let root = [
        cgroup(1, "/acme", kind: .tenantRoot, cpu: 107, memory: 530),
        cgroup(2, "/acme/a", root: 1, cpu: 60, memory: 200),
        cgroup(3, "/acme/b", root: 1, cpu: 40, memory: 300),
    ]

    @Test func aRootAndItsContainersAddUpToOneSum() throws {
        let rows = pricedWithSums(root, ["acme": try cost([1: 2, 2: 5, 3: 1])])
        #expect(rows.map(\.live.kind) == [.tenant, .tenantRoot, .container, .container])
        #expect(rows.map(\.live.cpuRate) == [107, 7, 60, 40])
        #expect(rows.map(\.live.memory) == [530, 30, 200, 300])
        #expect(rows.map(\.cost) == [8, 2, 5, 1].map { Rational($0) })
        #expect(rows.map(\.shown) == [8, 2, 5, 1].map { $0 * 1_000_000 })
        #expect(rows[0].live.path == nil && rows[0].live.row == nil)
    }

    /// What ended in the hour has no row, but is in the sum.
    @Test func whatHasEndedIsInTheSum() throws {
        let rows = pricedWithSums(root, ["acme": try cost([1: 2, 3: 1, 99: 4])])
        #expect(rows.map(\.cost) == [7, 2, 0, 1].map { Rational($0) })
        let gone = pricedWithSums(
            [cgroup(9, "/x", Tenant.unattributed, cpu: 5)], ["acme": try cost([99: 4])])
        #expect(gone.map(\.live.tenant) == ["acme", Tenant.unattributed])
        #expect(gone.map(\.cost) == [Rational(4), nil] && gone[0].live.cpuRate == nil)
    }

    /// Nobody is charged twice where a tenant's root lies in another's, or one is another tenant's.
    @Test func rootsInRootsCountOnce() throws {
        let live = [
            cgroup(1, "/acme", kind: .tenantRoot, cpu: 100),
            cgroup(2, "/acme/a", root: 1, cpu: 30),
            cgroup(3, "/acme/lab", "lab", kind: .tenantRoot, root: 1, cpu: 50),
            cgroup(4, "/acme/lab/c", "lab", root: 3, cpu: 45),
        ]
        let rows = pricedWithSums(live, [:])
        let sums = rows.filter { $0.live.kind == .tenant }
        #expect(sums.map(\.live.tenant) == ["acme", "lab"])
        #expect(sums.map(\.live.cpuRate) == [50, 50])
        // Nothing is known of what it costs: that is not 0.
        #expect(rows.allSatisfy { $0.cost == nil && $0.currency == nil })
    }

    /// Readings are not of one moment, and may be missing.
    @Test(
        arguments: [
            (nil, 10, nil, 10), (5, 10, 0, 10), (nil, nil, nil, nil), (12, nil, 12, 12),
        ] as [(Int64?, Int64?, Int64?, Int64?)])
    func whatIsNotMeasuredIsNotZero(
        root: Int64?, container: Int64?, own: Int64?, sum: Int64?
    ) {
        let rows = pricedWithSums(
            [
                cgroup(1, "/acme", kind: .tenantRoot, cpu: root),
                cgroup(2, "/acme/a", root: 1, cpu: container),
            ], [:])
        #expect(rows.map(\.live.cpuRate) == [sum, own, container])
    }

    /// Each cgroup has what its own limit held back.
    @Test(
        arguments: [
            (0, 40, 2, 42), (7, 40, nil, 47), (nil, nil, 3, 3), (nil, nil, nil, nil),
        ] as [(Int64?, Int64?, Int64?, Int64?)])
    func throttlingOfARootAndItsContainersAddsUp(
        root: Int64?, a: Int64?, b: Int64?, sum: Int64?
    ) {
        var live = self.root
        for (index, throttled) in [root, a, b].enumerated() {
            live[index].throttledRate = throttled
        }
        let rows = pricedWithSums(live, [:])
        #expect(rows.map(\.live.throttledRate) == [sum, root, a, b])
    }

    /// A third of a millionth each: the rows of a table add up to its sum, too.
    @Test(arguments: 1...40) func roundedRowsAddUp(count: Int64) throws {
        let uses = Dictionary(uniqueKeysWithValues: (1...count).map { ($0, Int128($0 % 3 + 1)) })
        let live = (1...count).map { cgroup($0, "/c\($0)") }
        let rows = pricedWithSums(live, ["acme": try cost(uses, per: 3_000_000)])
        #expect(rows.dropFirst().reduce(BigInt(0)) { $0 + $1.shown } == rows[0].shown)
        #expect(rows.dropFirst().reduce(Rational.zero) { $0 + ($1.cost ?? .zero) } == rows[0].cost)
    }

    @Test func aTableHasTheSumWithoutAContainer() throws {
        let rows = pricedWithSums(root, ["acme": try cost([1: 2, 2: 5, 3: 1])])
            .filter { $0.live.kind != .tenantRoot }
        let sheet = liveSheet(sorted(rows, by: .cost))
        #expect(
            sheet.rendered(as: .table) == """
                tenant  container    cpu  memory  cost this hour  currency
                acme    -          0.0 %   530 B        8.000000  EUR
                acme    /acme/a    0.0 %   200 B        5.000000  EUR
                acme    /acme/b    0.0 %   300 B        1.000000  EUR

                """)
        let csv = sheet.rendered(as: .csv).split(separator: "\n")
        #expect(csv[0].hasPrefix("tenant,container,name,cpu_us_per_s,"))
        #expect(csv[0].hasSuffix(",cost_this_hour,currency,kind"))
        #expect(csv[1].hasPrefix("acme,,,107,530,") && csv[1].hasSuffix(",8,EUR,tenant"))
    }
}
