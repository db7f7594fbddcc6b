import CgroupFormat
import CgroupFS
import BigInt
import Daemon
import Foundation
import Invoicing
import Metering
import Pricing
import Billing
import Store
import SystemPackage
import TestKernel
import TestSupport
import Testing
import Units

/// What is priced and was not measured is said: on the invoice with its time, or where it is issued.
@Suite struct UnmeasuredTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let kernel = FakeKernel()
    private let hour: Period

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        let start = kernel.at(0).wall
        hour = try #require(Period(start: start, end: start.advanced(bySeconds: 3600)))
        kernel.cgroups = [FakeKernel.Cgroup("/a", id: 2)]
    }

    /// One for each second of a vCPU or of a GiB, and for each kB.
    private func price(
        _ meters: String..., memory: MemoryFormula = .unreclaimable
    ) throws {
        var prices: [String: Price] = [:]
        for text in meters {
            let words = text.split(separator: " ").map(String.init)
            let meter = try #require(Meter(words[0]))
            let isBytes = meter.dimension == .bytes
            let unit =
                isBytes ? "1 kB" : meter.dimension == .byteTime ? "1 GiB-hour" : "1 vCPU-hour"
            let amount = try #require(DecimalPrice(isBytes ? "1" : "3600"))
            prices[words[0]] = Price(
                per: try #require(UnitQuantity(unit)),
                tiers: [Tier(upTo: nil, price: amount)],
                basis: words.count > 1 ? try #require(Price.Basis(rawValue: words[1])) : .used)
        }
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: memory, unpriced: .show, taxes: [], meters: prices)
        let tenant = Tenant(
            id: "acme", name: "acme", priceBook: "standard", invoiceTo: InvoiceAddress(),
            match: [.cgroup("/a")])
        _ = try store.apply(
            Contract(tenants: [tenant], books: [book]), isPlan: false, at: kernel.at(0).wall)
    }

    /// One tick every ten seconds; in those of `broken` something is done to the kernel's files.
    private func run(_ ticks: Int, broken: Range<Int>, _ harm: () -> Void) throws {
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        for tick in 0..<ticks {
            kernel.seconds = Int64(tick) * 10
            kernel.failed = [:]
            kernel.cgroups[0] = FakeKernel.Cgroup("/a", id: 2)
            kernel.cgroups[0].network = (9, Int64(tick) * 1000, 0)
            kernel.cgroups[0].texts = [
                .cpuStat: "usage_usec \(tick * 1_000_000)\n", .cpuMax: "50000 100000\n",
                .ioStat: "8:0 rbytes=\(tick * 1000) wbytes=0 rios=0 wios=0\n",
                .memoryCurrent: "1073741824\n", .memoryMax: "1073741824\n",
                .memoryStat:
                    "anon 1073741824\nfile 0\nkernel 0\nsock 0\nshmem 0\ninactive_file 0\n",
            ]
            if broken.contains(tick) { harm() }
            _ = try collector.tick()
        }
    }

    private func issue(_ rules: [MeteringCaveat.Kind: ClosingRule] = [:]) throws -> IssuedNow {
        try store.issue(
            over: hour, tenant: nil, at: kernel.at(3600).wall,
            IssueOptions(series: "OCT", closing: ClosingPolicy(rules: rules)))
    }

    /// Seconds after the beginning, as an invoice says them.
    private func time(_ from: Int64, _ to: Int64) -> String {
        "from \(kernel.at(from).wall) to \(kernel.at(to).wall)"
    }

    enum Harm: CaseIterable {
        case off
        case forbidden
        case malformed
    }

    private func harm(_ file: KernelFile, _ harm: Harm) {
        switch harm {
        case .off: kernel.cgroups[0].texts[file] = nil
        case .forbidden: kernel.cgroups[0].errors[file] = .permissionDenied
        case .malformed: kernel.cgroups[0].texts[file] = "\u{1}\n"
        }
    }

    // MARK: Files

    /// Memory is only there while it is read: the time from the last reading on is lost, and named.
    @Test(arguments: Harm.allCases)
    func memoryThatWasNotReadIsNamedWithItsTime(_ kind: Harm) throws {
        try price("memory")
        try run(6, broken: 2..<4) { harm(.memoryStat, kind) }
        let invoice = try #require(try issue().invoices.first)
        let notes = invoice.caveats.filter { $0.kind == .unmetered && $0.text.contains("memory") }
        #expect(notes.count == 1)
        #expect(
            notes.first?.text.hasPrefix("/a: memory not measured \(time(10, 40)) (memory.stat: ")
                == true)
        #expect(notes.first?.text.contains("the counter went on") == false)
        // 10 s before, 10 s after: with the 30 s that are named these are all 50.
        #expect(invoice.draft.net == 2000)
        #expect(throws: Fault.self) { try issueAgain(.block) }
    }

    /// A key of memory.stat is missing to those whose formula needs it, and to nobody else.
    @Test(arguments: [
        (MemoryFormula.unreclaimable, "inactive_file", false), (.unreclaimable, "sock", true),
        (.workingSet, "inactive_file", true), (.workingSet, "sock", false),
        (.workingSet, "anon", false), (.current, "inactive_file", false),
        (.current, "anon", false),
    ])
    func aKeyIsMissedByItsFormula(
        _ formula: MemoryFormula, _ key: String, _ isMissed: Bool
    ) throws {
        try price("memory", memory: formula)
        try run(6, broken: 0..<6) {
            let lines = kernel.cgroups[0].texts[.memoryStat]?.split(separator: "\n") ?? []
            kernel.cgroups[0].texts[.memoryStat] = lines.filter { !$0.hasPrefix(key) }
                .map { $0 + "\n" }.joined()
        }
        #expect(try store.unmeasured(over: hour).map(\.meters) == (isMissed ? ["memory"] : []))
        let billed = try store.usage(over: hour, by: .tenant).filter { $0.meter == .memory }
        #expect(billed.isEmpty == isMissed)
    }

    private func issueAgain(_ rule: ClosingRule) throws {
        let number = try #require(try store.invoices().first?.number)
        _ = try store.credit(
            number, lines: nil, reason: "test", series: "OCT", at: kernel.at(3600).wall)
        _ = try store.issue(
            over: hour, tenant: nil, at: kernel.at(3600).wall,
            IssueOptions(
                series: "OCT", closing: ClosingPolicy(rules: [.unmetered: rule]), isAgain: true))
    }

    /// A counter that could not be read went on: its next reading is billed, and nothing is blocked.
    @Test(arguments: [
        (KernelFile.cpuStat, "cpu", Int64(500)), (.ioStat, "io_read_bytes", 500),
    ])
    func aCounterThatWasNotReadForATimeIsMadeGood(
        _ file: KernelFile, _ meter: String, _ net: Int64
    ) throws {
        try price(meter)
        try run(6, broken: 2..<4) { harm(file, .malformed) }
        // What is older than the first reading is another matter.
        let invoice = try #require(try issue().invoices.first)
        let notes = invoice.caveats.filter { $0.text.contains("not measured") }.map(\.text)
        #expect(notes.count == 1 && notes[0].contains("\(meter) not measured \(time(20, 40))"))
        #expect(notes[0].hasSuffix("; the counter went on, and its next reading was billed"))
        #expect(invoice.draft.net == .init(net))
        #expect(try store.unmeasured(over: hour).map(\.isFault) == [false])
    }

    /// Up to the end, nothing makes it good.
    @Test(arguments: [
        (KernelFile.cpuStat, "cpu", "cpu.stat"), (.ioStat, "io_read_bytes", "io.stat"),
        (.memoryMax, "memory reserved", "memory.max"), (.cpuMax, "cpu reserved", "cpu.max"),
    ])
    func whatIsNotReadToTheEndIsMissing(
        _ file: KernelFile, _ meter: String, _ name: String
    ) throws {
        try price(meter)
        try run(6, broken: 3..<6) { harm(file, .malformed) }
        let unmeasured = try store.unmeasured(over: hour)
        #expect(unmeasured.map(\.file) == [name])
        #expect(unmeasured.map(\.since) == [kernel.at(30).wall])
        #expect(unmeasured.map(\.until) == [kernel.at(50).wall])
        #expect(unmeasured.map(\.isFault) == [true])
        #expect { try issue([.unmetered: .block]) } throws: {
            "\($0)".contains("not measured") || "\($0)".contains("before_first_reading")
        }
    }

    /// Without its controller there is no limit, and what has no price is nobody's loss.
    @Test func whatGrantsNothingOrHasNoPriceIsNotSaid() throws {
        try price("cpu reserved")
        try run(6, broken: 0..<6) {
            harm(.cpuMax, .off)
            harm(.memoryStat, .malformed)
            harm(.ioStat, .forbidden)
            harm(.cpuStat, .malformed)
        }
        #expect(try store.unmeasured(over: nil).isEmpty)
    }

    // MARK: Places

    /// All of a cgroup that cannot be seen is named; its counters are made good, its memory is not.
    @Test func aCgroupThatCannotBeSeenIsNamed() throws {
        try price("cpu", "memory", "net_rx_bytes")
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        _ = collector
        try run(3, broken: 0..<0) {}
        collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        let all = kernel.cgroups
        var said: [String] = []
        for tick in 3..<6 {
            kernel.seconds = Int64(tick) * 10
            kernel.cgroups = []
            kernel.failed = ["/a": .permissionDenied]
            said += try collector.tick().failures
        }
        // Once, as long as it lasts.
        #expect(said == ["/a: Permission denied"])
        #expect(try store.unmeasured(over: nil).map(\.isMadeGood) == [false, false])
        (kernel.cgroups, kernel.failed, kernel.seconds) = (all, [:], 60)
        kernel.cgroups[0].texts[.cpuStat] = "usage_usec 6000000\n"
        #expect(try collector.tick().failures == [])
        let found = try store.unmeasured(over: nil)
        #expect(found.map(\.meters) == ["cpu, net_rx_bytes", "memory"])
        #expect(found.map(\.isMadeGood) == [true, false])
        #expect(found.map(\.since) == [kernel.at(20).wall, kernel.at(20).wall])
        #expect(found.map(\.until) == [kernel.at(60).wall, kernel.at(60).wall])
        #expect(found.last?.text.contains("(its cgroup: not_permitted, ") == true)
    }

    // MARK: Before an invoice

    /// What an invoice would say or be refused for is said before it is issued.
    @Test func notesAreKnownBeforeAnythingIsIssued() throws {
        try price("cpu", "memory")
        try run(6, broken: 2..<4) { harm(.memoryStat, .malformed) }
        let later = kernel.at(3600).wall
        let before = try store.closingCaveats(over: hour, tenant: "acme", at: later)
        let notes = try #require(before.tenants.first?.caveats.map(\.text))
        #expect(notes.contains { $0.hasPrefix("/a: memory not measured \(time(10, 40))") })
        // Only a period that is over can lack its end.
        #expect(before.common.map(\.kind) == [.open])
        let running = try store.closingCaveats(over: hour, tenant: nil, at: kernel.now().wall)
        #expect(running.common.isEmpty && running.tenants.count == 1)
        let issued = try #require(try issue().invoices.first)
        let said = issued.caveats.map(\.text)
        #expect(notes.allSatisfy(said.contains))
    }

    // MARK: No invoice

    /// Where nothing was measured there is no invoice to say it on: issuing says it, or refuses.
    @Test func whatNoInvoiceSaysIsSaidWhereItIsIssued() throws {
        try price("memory")
        try run(6, broken: 0..<6) {
            kernel.cgroups[0].texts = [:]
            kernel.cgroups[0].network = nil
        }
        #expect { try issue([.unmetered: .block]) } throws: { "\($0)".contains("acme") }
        let issued = try issue()
        #expect(issued.invoices.isEmpty)
        #expect(issued.unbilled.map(\.tenant) == ["acme"])
        let texts = issued.unbilled.flatMap(\.caveats).map(\.text)
        #expect(texts.contains { $0.hasPrefix("/a: memory not measured \(time(0, 50))") })
    }

    /// Memory that is added up from its parts is said to be, and blocks nothing.
    @Test func memoryThatIsAddedUpIsSaidToBe() throws {
        try price("memory")
        try run(6, broken: 0..<6) {
            kernel.cgroups[0].texts[.memoryStat] =
                "anon 1073741824\nfile 0\nslab 0\nkernel_stack 0\npagetables 0\npercpu 0\n"
                + "sock 0\nshmem 0\ninactive_file 0\n"
        }
        let invoice = try #require(try issue([.unmetered: .block]).invoices.first)
        #expect(
            invoice.caveats.filter { isRemark($0, .assurance) }.map(\.text) == [
                "memory of 1 container is the sum of the parts that memory.stat names, as a kernel "
                    + "before Linux 5.18 prints no line kernel in it"
            ])
    }

    // MARK: Reports

    @Test func completenessCountsIt() throws {
        try price("memory")
        try run(6, broken: 2..<4) { harm(.memoryStat, .malformed) }
        let sql = try String(
            contentsOfFile: "\(repository)/reports/completeness.sql", encoding: .utf8)
        let report = try store.report(sql, over: hour, place: "completeness")
        let row = Dictionary(uniqueKeysWithValues: zip(report.columns, report.rows[0]))
        #expect(report.rows.count == 1)
        #expect("\(row["unmeasured"] ?? .none)" == "integer(1)")
        #expect("\(row["unmeasured_ms"] ?? .none)" == "integer(30000)")
    }
}

/// Whether a caveat is a sentence of a kind, without typed figures.
private func isRemark(_ caveat: MeteringCaveat, _ kind: MeteringCaveat.Kind) -> Bool {
    if case .remark(kind, _) = caveat { true } else { false }
}
