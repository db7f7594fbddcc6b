import Metering
import Pricing
import Settings
import TestSupport
import Testing
import Units

private func read(_ text: String) throws -> ContractFiles {
    let folder = try TemporaryFolder()
    try folder.write(text, to: "x.yaml")
    return try ContractFiles(reading: ["\(folder.path)/x.yaml"])
}

@Suite struct FilesTests {
    @Test func theShippedFilesLoadAsTheyAre() throws {
        let config = "\(repository)/config"
        let files = try ContractFiles(reading: ContractFiles.files(in: config))
        #expect(files.tenants?.map(\.id) == ["acme", "lab"])
        #expect(files.tenants?.first?.invoiceTo.country == "FR")
        let book = try #require(files.books?.first)
        #expect(book.currency.code == "EUR" && book.taxes.count == 1)
        #expect(book.meters["cpu"]?.amount.description == "0.04048")
        #expect(try Settings(folder: config).intervalMilliseconds == 10_000)
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
        ("tenants:\n  - id: a\n    id: b\n", ":2", "twice"),
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
            "does not measure"
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
                fault.kind == .badData && fault.place.hasSuffix("x.yaml" + place)
            if !known || !fault.found.contains(found) { Issue.record("\(fault)") }
            return known && fault.found.contains(found)
        }
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
        #expect { try ContractFiles(reading: ["/nowhere/x.yaml"]) } throws: {
            ($0 as? Fault)?.kind == .unavailable
        }
        #expect { try ContractFiles(reading: ["/"]) } throws: { ($0 as? Fault)?.kind == .badData }
        #expect { try read("") } throws: { ($0 as? Fault)?.kind == .badData }
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
