import Host
import Glibc
import Metering
import Pricing
import Settings
import TestSupport
import Testing
import Units

private func read(_ text: String) throws -> ContractFiles {
    let folder = try TemporaryFolder()
    try folder.write(text, to: "x.yaml")
    return try ContractFiles(reading: ["\(folder.path)/x.yaml"], in: .utc)
}

@Suite struct FilesTests {
    @Test func theShippedFilesLoadAsTheyAre() throws {
        let config = "\(repository)/config"
        let files = try ContractFiles(reading: ContractFiles.files(in: config), in: .utc)
        #expect(files.tenants?.map(\.id) == ["acme", "lab"])
        #expect(files.tenants?.first?.invoiceTo.country == "FR")
        let book = try #require(files.books?.first)
        #expect(book.currency.code == "EUR" && book.taxes.count == 1)
        #expect(book.meters["cpu"]?.amount.description == "0.04048")
        let settings = try Settings(folder: config)
        #expect(settings.intervalMilliseconds == 10_000)
        #expect(settings.seller == Seller(), "the example of a seller is commented out")
    }

    @Test func withoutAFileTheDefaultsHold() throws {
        #expect(try Settings(folder: TemporaryFolder().path) == Settings())
    }

    private static let book = """
        books:
          - id: s
            currency: EUR
            effective: 2026-01-01T00:00:00Z
            meters:
              cpu: { price: "1", per: 1 vCPU-hour }

        """

    @Test(arguments: [
        ("tenants: [", ":2", "not YAML"),
        ("tenants:\n  - id: acme\n    nmae: x\n", ":3: tenants[0].nmae", "unknown key"),
        ("tenants:\n  - name: x\n", ":2: tenants[0]", "no \"id\""),
        ("tenants:\n  - id: Acme\n", ":2: tenants[0].id", "\"Acme\""),
        ("tenants:\n  - id: unattributed\n", ":2: tenants[0]", "unattributed"),
        ("tenants:\n  - id: a\n  - id: a\n", ":3: tenants[1]", "second time"),
        ("tenants:\n  - id: a\n    id: b\n", ":3", "the key id twice: here and in line 2"),
        (
            "tenants:\n  - id: a\n    name: b\n    invoice_to:\n      name: x\n    name: c\n", ":6",
            "the key name twice: here and in line 3"
        ),
        ("tenants:\n  - { id: a, id: b }\n", ":2", "the key id twice"),
        (
            "tenants:\n  - id: a\n    match:\n      - slcie: x.slice\n",
            ":4: tenants[0].match[0].slcie", "unknown rule"
        ),
        (
            "tenants:\n  - id: a\n    match:\n      - slice: x\n", ":4: tenants[0].match[0].slice",
            "\"x\""
        ),
        (
            "tenants:\n  - id: a\n    match:\n      - root: x/\n", ":4: tenants[0].match[0].root",
            "\"x/\""
        ),
        ("tenants: 5\n", ":1: tenants", "not a list"),
        (book.replacing("\"1\"", with: "0.1"), ":6: books[0].meters.cpu.price", "bare number"),
        (book.replacing("\"1\"", with: "\"1,5\""), ":6: books[0].meters.cpu.price", "1,5"),
        (
            book.replacing("vCPU-hour", with: "GiB-hour"), ":6: books[0].meters.cpu.per",
            "cannot be priced per"
        ),
        (book.replacing("vCPU-hour", with: "parsec--"), ":6: books[0].meters.cpu.per", "parsec"),
        (book.replacing("EUR", with: "EURO"), ":3: books[0].currency", "EURO"),
        (book.replacing("00:00:00Z", with: "00:30:00Z"), ":4: books[0].effective", "00:30"),
        (book.replacing("cpu:", with: "gpu:"), ":6: books[0].meters.gpu", "without a unit"),
        (
            book.replacing("per:", with: "tiers: [], per:"), ":6: books[0].meters.cpu.price",
            "a price and tiers"
        ),
        (
            book.replacing("    currency", with: "    rounding: banker\n    currency"),
            ":3: books[0].rounding", "banker"
        ),
    ])
    func everyMistakeNamesLineAndKey(text: String, place: String, found: String) {
        #expect { try read(text) } throws: { error in
            guard let fault = error as? Fault else { return false }
            let known =
                fault.kind == .badData && fault.location.hasSuffix("x.yaml" + place)
            if !known || !fault.problem.contains(found) { Issue.record("\(fault)") }
            return known && fault.problem.contains(found)
        }
    }

    /// All mistakes of a book at once, and none that only follows from another.
    @Test func mistakesOfOneBookAreNamedTogether() throws {
        let text =
            Self.book.replacing("EUR", with: "EURO").replacing("00:00:00Z", with: "00:30:00Z")
            .replacing("    currency", with: "    rounding: banker\n    currency")
            .replacing("\"1\"", with: "\"1,5\"")
            + "    discounts: [ { percent: \"1\", meters: [ cpu ] } ]\n"
        let folder = try TemporaryFolder()
        try folder.write(text, to: "x.yaml")
        let said = try ContractFiles(checking: ["\(folder.path)/x.yaml"], in: .utc).faults
            .map(\.description).joined(separator: "\n")
        for found in ["EURO", "00:30", "banker", "1,5"] { #expect(said.contains(found), "\(said)") }
        #expect(!said.contains("discounts"), "\(said)")
    }

    @Test func taxesMayComeToAllThatIsSold() throws {
        let taxes = "    taxes: [ { code: a, rate: \"60\" }, { code: b, rate: \"40\" } ]\n"
        #expect(try read(Self.book + taxes).books?.first?.taxes.count == 2)
    }

    /// As on the command line, a date is the start of that day in the zone.
    @Test(arguments: [
        ("UTC", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ("Europe/Paris", "2025-12-31T23:00:00Z", "2026-06-30T22:00:00Z"),
        ("America/New_York", "2026-01-01T05:00:00Z", "2026-07-01T04:00:00Z"),
    ])
    func aBareDateIsMidnightOfTheZone(zone: String, first: String, second: String) throws {
        let folder = try TemporaryFolder()
        let text =
            Self.book.replacing("T00:00:00Z", with: "")
            + "    discounts: [ { percent: \"1\", from: 2026-01-01, until: 2026-07-01 } ]\n"
            + "tenants:\n  - { id: a, since: 2026-01-01, until: \"2026-07-01\" }\n"
        try folder.write(text, to: "x.yaml")
        let files = try ContractFiles(
            reading: ["\(folder.path)/x.yaml"], in: billingZone(zone))
        let (from, to) = (Instant(rfc3339: first), Instant(rfc3339: second))
        let book = try #require(files.books?.first)
        #expect(book.effective == from)
        #expect(book.discounts.map(\.from) == [from] && book.discounts.map(\.until) == [to])
        let tenant = try #require(files.tenants?.first)
        #expect(tenant.since == from && tenant.until == to && from != nil && to != nil)
    }

    /// What would be no more than a slip of the key, or can never mean anything.
    @Test(arguments: [
        (book.replacing("cpu:", with: "memory_current:"), "memory_current"),
        ("tenants:\n  - { id: a, name: \"x\\0y\" }\n", "NUL"),
        ("tenants:\n  - { id: a, since: 1969-01-01T00:00:00Z }\n", "1969"),
        ("tenants:\n  - { id: a, match: [ { root: /a/../b } ] }\n", "/a/../b"),
        (book.replacing("2026-01-01T", with: "1969-01-01T"), "1969"),
        (book + "    taxes: [ { code: vat, rate: \"99999999\" } ]\n", "99999999"),
        (book + "    taxes: [ { code: vat, rate: \"100.01\" } ]\n", "100.01"),
        (
            book + "    taxes: [ { code: a, rate: \"60\" }, { code: b, rate: \"40.01\" } ]\n",
            "add up to 100.01 %"
        ),
        (book.replacing("T00:00:00Z", with: "T00"), "2026-01-01T00"),
        (book.replacing("2026-01-01T00:00:00Z", with: "2026-02-29"), "2026-02-29"),
        (
            book + "    discounts: [ { percent: \"60\" }, { percent: \"41\", tenants: [a] } ]\n",
            "more than 100"
        ),
        (
            book
                + "    discounts: [ { percent: \"60\", until: 2026-03-01T01:00:00Z }, "
                + "{ percent: \"41\", from: 2026-03-01T00:00:00Z } ]\n",
            "more than 100"
        ),
    ])
    func slipsAreRefused(text: String, found: String) throws {
        let fault = try #require(throws: Fault.self) { try read(text) }
        #expect(fault.kind == .badData && fault.problem.contains(found), "\(fault)")
    }

    /// A book in a currency that has ended needs a version in what took its place.
    @Test(
        arguments: [
            ("2025-01-01", nil, false), ("2026-06-01", nil, false),
            ("2025-01-01", "2026-01-01", true),
            ("2025-01-01", "2025-07-01", true), ("2025-01-01", "2026-01-02", false),
        ] as [(String, String?, Bool)])
    func endedCurrencies(effective: String, next: String?, isSound: Bool) throws {
        func version(_ day: String) -> String {
            Self.book.replacing("2026-01-01T", with: "\(day)T")
        }
        var text = version(effective).replacing("EUR", with: "BGN")
        if let next { text += version(next).replacing("books:\n", with: "") }
        guard !isSound else {
            #expect(try read(text).books?.count == 2)
            return
        }
        let fault = try #require(throws: Fault.self) { try read(text) }
        #expect(fault.problem.contains("BGN") && fault.suggestion.contains("EUR"), "\(fault)")
    }

    /// Credit notes of series OCT are OCT-CN-000001 and so on: no invoice may have a number of those.
    @Test(arguments: [
        ("OCT", true), ("CN", true), ("OCT-CNX", true), ("OCT-CN", false), ("A-CN-CN", false),
    ])
    func aSeriesOfCreditNotesIsRefused(series: String, isSound: Bool) throws {
        let folder = try TemporaryFolder()
        try folder.write("seller: { series: \(series) }\n", to: "octroi.yaml")
        guard !isSound else {
            #expect(try Settings(folder: folder.path).seller.series == series)
            return
        }
        let fault = try #require(throws: Fault.self) { try Settings(folder: folder.path) }
        #expect(fault.location.hasSuffix("octroi.yaml:1: seller.series"), "\(fault)")
        #expect(fault.problem.contains("\"\(series)\"") && fault.suggestion.contains("-CN"))
    }

    @Test func discountsThatFollowEachOtherAreFine() throws {
        let discounts = """
                discounts:
                  - { percent: "100", until: 2026-03-01T00:00:00Z }
                  - { percent: "60", from: 2026-03-01T00:00:00Z }
                  - { percent: "40", tenants: [a, b] , from: 2026-04-01T00:00:00Z }

            """
        #expect(try read(Self.book + discounts).books?.first?.discounts.count == 3)
        #expect(try read(Self.book + "    taxes: [ { code: v, rate: \"100\" } ]\n").books != nil)
    }

    /// Of two files that name one thing, neither wins in silence: both places are said.
    @Test(arguments: [
        "tenants:\n  - { id: a }\n", book, "limits:\n  - { tenant: a }\n",
        "budgets:\n  - { tenant: a, amount: \"1\" }\n",
        "ladders:\n  - { id: l, steps: [ { at: 1, do: warn } ] }\n",
    ])
    func twoFilesNeverNameTheSameThing(text: String) throws {
        let folder = try TemporaryFolder()
        for name in ["x.yaml", "y.yaml"] { try folder.write(text, to: name) }
        let fault = try #require(throws: Fault.self) {
            try ContractFiles(
                reading: ["\(folder.path)/x.yaml", "\(folder.path)/y.yaml"], in: .utc)
        }
        #expect(fault.location.hasPrefix("\(folder.path)/y.yaml:2"))
        #expect(fault.problem.hasSuffix("the first is at \(folder.path)/x.yaml:2"), "\(fault)")
    }

    @Test func twoVersionsOfABookMayLieInTwoFiles() throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.book, to: "x.yaml")
        try folder.write(Self.book.replacing("2026-01", with: "2027-01"), to: "y.yaml")
        let files = try ContractFiles(
            reading: ["\(folder.path)/x.yaml", "\(folder.path)/y.yaml"], in: .utc)
        #expect(files.books?.count == 2)
    }

    /// A complaint is a screen at most, however much of a file it is about.
    @Test(arguments: ["id", "price_book", "name", "nmae"])
    func aLongFieldMakesNoLongComplaint(key: String) throws {
        let long = String(repeating: "X", count: 1_000_000)
        for text in [
            "tenants:\n  - { id: a, \(key): [\(long)] }\n", "tenants:\n  - { \(long): 5 }\n",
            "\(long)\n", "tenants: \"\(long)\"\n",
        ] {
            let fault = try #require(throws: Fault.self) { try read(text) }
            #expect("\(fault)".count < 1000)
        }
    }

    /// Each is checked against all others by their ids, not one by one: twenty thousand are read
    /// like twenty.
    ///
    /// Their number is too high for anything else.
    @Test func manyTenantsAreReadInOneGo() throws {
        let tenants = (0..<20_000).map { "  - { id: t\($0) }\n" }.joined()
        #expect(try read("tenants:\n" + tenants).tenants?.count == 20_000)
    }

    @Test(
        arguments: [
            ("Your firm", nil), ("YOUR FIRM", nil), ("Mine", "FR00987654321"),
            ("Mine", "FR 00 987 654 321"),
        ] as [(String, String?)])
    func theExampleOfASellerIsNobody(name: String, vatID: String?) throws {
        var seller = Seller()
        seller.name = "Mine"
        try seller.refuseExample(in: "/etc/octroi")
        (seller.name, seller.vatID) = (name, vatID)
        #expect(throws: Fault.self) { try seller.refuseExample(in: "/etc/octroi") }
    }

    @Test func customMetersNameTheirUnit() throws {
        let book = try #require(
            try read(
                Self.book.replacing("cpu: { price", with: "gpu: { unit: GPU-second, price")
                    .replacing("vCPU", with: "GPU")
            ).books?.first)
        #expect(book.meters["gpu"]?.per.dimension == .custom("GPU", overTime: true))
    }

    @Test func aFileThatIsNotThereOrNotTextIsSaid() throws {
        #expect { try ContractFiles(reading: ["/nowhere/x.yaml"], in: .utc) } throws: {
            ($0 as? Fault)?.kind == .unavailable
        }
        #expect { try ContractFiles(reading: ["/"], in: .utc) } throws: {
            ($0 as? Fault)?.kind == .badData
        }
        #expect { try read("") } throws: { ($0 as? Fault)?.kind == .badData }
    }

    /// What is no plain file is said at once, and never waited for.
    @Test(arguments: ["octroi.yaml", "tenants.yaml"])
    func otherThingsThanFilesAreSaid(name: String) throws {
        for kind in ["pipe", "folder", "link"] {
            let folder = try TemporaryFolder()
            let path = "\(folder.path)/\(name)"
            switch kind {
            case "pipe": #expect(mkfifo(path, 0o600) == 0)
            case "folder": #expect(mkdir(path, 0o700) == 0)
            default: #expect(symlink("/nowhere/at/all", path) == 0)
            }
            let fault = try #require(throws: Fault.self) {
                if name == "octroi.yaml" {
                    _ = try Settings(folder: folder.path)
                } else {
                    _ = try ContractFiles(reading: ContractFiles.files(in: folder.path), in: .utc)
                }
            }
            let said = kind == "link" ? "No such file" : kind
            #expect(fault.location == path && fault.problem.contains(said), "\(fault)")
        }
    }

    @Test(arguments: [
        ("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("2h", 7_200_000), ("30d", 2_592_000_000),
    ])
    func durations(text: String, milliseconds: Int64) {
        #expect(parseMilliseconds(text) == milliseconds)
    }

    @Test(arguments: [
        "", "10", "s", "0s", "-1s", "1.5s", "1 s", "99999999999999999999s", "367d",
        "9999999999999999d",
    ])
    func otherTextIsNoDuration(text: String) { #expect(parseMilliseconds(text) == nil) }
}
