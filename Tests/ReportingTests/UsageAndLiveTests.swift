import BigInt
import Metering
import Reporting
import Testing
import Units

@Suite struct UsageColumnsTests {
    private func use(
        _ meter: String, _ quantity: Int128, tenant: String? = nil, container: String? = nil,
        _ month: String = "2026-10"
    ) throws -> Usage {
        Usage(
            period: try Made.month(month), tenant: tenant, container: container,
            meter: try #require(Meter(meter)), quantity: quantity, assurance: .imported)
    }

    /// A table has a column for tenants or containers only if some row has one.
    @Test func columnsThatAreEmptyAreLeftOut() throws {
        func header(_ usage: [Usage]) -> Substring {
            usageSheet(usage).rendered(as: .table).split(separator: "\n")[1]
        }
        #expect(header([try use("cpu", 1)]).hasPrefix("meter "))
        #expect(header([try use("cpu", 1, tenant: "acme")]).hasPrefix("tenant  meter "))
        #expect(
            header([try use("cpu", 1), try use("cpu", 1, container: "/a")])
                .hasPrefix("container  meter "))
        #expect(usageSheet([]).rendered(as: .table) == "Nothing to show.\n")
        #expect(usageSheet([]).rendered(as: .json) == "[]\n")
    }

    /// A custom meter has the unit of its price; without a price it has none.
    @Test func customMetersHaveTheirUnits() throws {
        let usage = [try use("gpu", 7200, tenant: "a"), try use("odd", 1234, tenant: "a")]
        let sheet = usageSheet(usage, customUnits: ["gpu": "GPU-second"])
        #expect(
            try ReadTable(sheet.rendered(as: .csv)).rows.map { [$0["quantity"], $0["unit"]] }
                == [["7200", "GPU-second"], ["1234", ""]])
        let table = sheet.rendered(as: .table)
        #expect(table.contains("7,200 GPU-second") && table.contains(" 1,234  imported"))
    }

    /// Boosted time is shown in whole seconds, and only if there is any.
    @Test func boostedTimeHasAColumn() throws {
        let usage = [try use("cpu", 1, tenant: "a"), try use("cpu", 2, tenant: "b")]
        let sheet = usageSheet(usage) { $0.tenant == "a" ? 61_999 : 0 }
        let rows = try ReadTable(sheet.rendered(as: .csv)).rows
        #expect(rows.map { $0["boosted_seconds"] } == ["61", "0"])
        let table = sheet.rendered(as: .table)
        #expect(table.contains("boosted s"))
        #expect(!usageSheet(usage) { _ in 0 }.columns.contains("boosted_seconds"))
    }
}

@Suite struct LiveSheetTests {
    private func live(
        _ path: String, cpu: Int64? = nil, memory: Int64? = nil, read: Int64? = nil,
        write: Int64? = nil, received: Int64? = nil, sent: Int64? = nil, cost: String? = nil
    ) throws -> PricedContainer {
        var live = LiveContainer(
            row: 1, path: path, tenant: "acme", runtime: "", kind: .container)
        (live.cpuRate, live.memory, live.ioReadRate) = (cpu, memory, read)
        (live.ioWriteRate, live.netReceiveRate, live.netSendRate) = (write, received, sent)
        return PricedContainer(
            live: live, cost: try cost.map { try #require(Rational(decimal: $0)) },
            currency: cost == nil ? nil : Currency("EUR"), shown: 1_234_567)
    }

    /// Each cell has its own unit; an empty one is not 0.
    @Test func cellsAreForPeopleAndForPrograms() throws {
        var all = try live(
            "/a", cpu: 1_500_000, memory: 1 << 30, read: 1023, write: 1 << 20, received: 0,
            sent: 5, cost: "1.2345671")
        (all.live.cpuLimit, all.live.memoryLimit) = (2_000_000, 1 << 31)
        all.live.throttledRate = 499
        #expect(
            liveCells(all) == [
                .integer(1_500_000, display: "150.0 %"),
                .integer(1 << 30, display: "1.000 GiB"), .integer(1023, display: "1023 B/s"),
                .integer(1 << 20, display: "1.000 MiB/s"), .integer(0, display: "0 B/s"),
                .integer(5, display: "5 B/s"), .integer(2_000_000, display: "200.0 %"),
                .integer(1 << 31, display: "2.000 GiB"), .integer(499, display: "0.0 %"),
                .rational(try #require(Rational(decimal: "1.2345671")), display: "1.234567"),
                .text("EUR"),
            ])
        let none = liveColumns.map { _ in Cell.none }
        #expect(liveCells(nil) == none)
        #expect(liveCells(try live("/b")) == none)
    }

    /// The largest comes first, what is not known last, and equals as they were.
    @Test(
        arguments: [
            (.tenant, ["/a", "/b", "/c", "/d"]), (.cpu, ["/c", "/a", "/d", "/b"]),
            (.memory, ["/b", "/a", "/c", "/d"]), (.io, ["/d", "/b", "/c", "/a"]),
            (.net, ["/a", "/c", "/d", "/b"]), (.cost, ["/b", "/a", "/c", "/d"]),
        ] as [(LiveOrder, [String])])
    func theLargestComesFirst(order: LiveOrder, paths: [String]) throws {
        let all = [
            try live("/a", cpu: 5, memory: 1, received: 7, sent: 2),
            try live("/b", memory: 9, read: 3, write: 3, cost: "0.1"),
            try live("/c", cpu: 6, write: 5, received: 4), try live("/d", cpu: 5, read: 7, sent: 4),
        ]
        #expect(sorted(all, by: order).map(\.live.path) == paths)
    }

    /// A cost is compared exactly, not as it is shown.
    @Test func costsAreComparedExactly() throws {
        let all = [try live("/a", cost: "0.0000001"), try live("/b", cost: "0.00000011")]
        #expect(sorted(all, by: .cost).map(\.live.path) == ["/b", "/a"])
    }

    /// A table leaves out what no row has; csv has every column.
    @Test func emptyColumnsAreLeftOut() throws {
        let sheet = liveSheet([try live("/a", cpu: 10_000), try live("/b", cpu: 0)], title: "Now")
        #expect(
            sheet.rendered(as: .table) == """
                Now

                tenant  container    cpu
                acme    /a         1.0 %
                acme    /b         0.0 %

                """)
        let table = try ReadTable(sheet.rendered(as: .csv))
        #expect(table.columns == ["tenant", "container", "name"] + liveColumns + ["kind"])
        #expect(table.rows.map { $0["cpu_us_per_s"] } == ["10000", "0"])
        #expect(table.rows.allSatisfy { $0["memory_bytes"] == "" && $0["kind"] == "container" })
        #expect(liveSheet([]).rendered(as: .table) == "Nothing to show.\n")
    }
}
