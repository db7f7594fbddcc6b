import Settings
import TestSupport
import Testing
import Units

@Suite struct ZoneNameTests {
    @Test(arguments: ["Nowhere/Land", "../../../etc/passwd", "/etc/localtime", ""])
    func anUnknownZoneIsNamedWithItsLine(name: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("interval: 10s\ntime_zone: \"\(name)\"\n", to: "octroi.yaml")
        #expect {
            try Settings(folder: folder.path)
        } throws: {
            "\($0)".contains("octroi.yaml:2: time_zone")
        }
    }
}

@Suite struct PriceMistakeTests {
    private func faults(_ meter: String, _ rest: String = "") throws -> [String] {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            books:
              - id: s
                currency: EUR
                effective: 2026-01-01T00:00:00Z
                meters:
                  cpu: { price: "1", per: 1 vCPU-hour }
                  net_tx_bytes: \(meter)
            \(rest)
            """, to: "p.yaml")
        return try ContractFiles(checking: ["\(folder.path)/p.yaml"], in: .utc).faults.map {
            $0.description.replacing(folder.path, with: "")
        }
    }

    /// What DESIGN's own sample uses, and every mistake beside it: line, key and cure.
    @Test(arguments: [
        (
            "{ per: 1 GB, tiers: [ { up_to: 100, price: \"0\" }, { price: \"1\", flat: \"2\" } ] }",
            ""
        ),
        ("{ per: 1 GB, mode: package, price: \"1\" }", ""),
        ("{ per: 1 GB, round_up: 10 MB, free: 3 GiB, minimum_duration: 60s, price: \"1\" }", ""),
        ("{ per: 1 GB, price: \"1\", tiers: [] }", "a price and tiers"),
        ("{ per: 1 GB, tiers: [] }", "no tier"),
        ("{ per: 1 GB }", "no \"price\""), ("{ price: \"1\" }", "no \"per\""),
        ("{ per: 1 GB, tiers: [ { up_to: 5, price: \"1\" } ] }", "larger quantities have no price"),
        (
            "{ per: 1 GB, tiers: [ { price: \"1\" }, { up_to: 5, price: \"1\" }, { price: \"2\" } ] }",
            "before the last has no up_to"
        ),
        (
            "{ per: 1 GB, tiers: [ { up_to: 5, price: \"1\" }, { up_to: 5, price: \"1\" }, { price: \"2\" } ] }",
            "not above the tier before it (5)"
        ),
        ("{ per: 1 GB, tiers: [ { up_to: 0, price: \"1\" }, { price: \"2\" } ] }", "not above 0"),
        (
            "{ per: 1 GB, tiers: [ { up_to: \"0.0000000001\", price: \"1\" }, { price: \"2\" } ] }",
            "no whole number of byte"
        ),
        ("{ per: 1 GB, tiers: [ { up_to: 5, price: 1 }, { price: \"2\" } ] }", "bare number"),
        ("{ per: 1 GB, price: \"1\", mode: stairs }", "stairs"),
        (
            "{ per: 170141183460469231731687303715884105727 byte, price: \"1\", round_up: true }",
            "too large"
        ),
        (
            "{ per: 1 byte, tiers: [ { up_to: 170141183460469231731687303715884105728, price: \"1\" }, "
                + "{ price: \"2\" } ] }", "too large"
        ),
        ("{ per: 1 GB, price: \"1\", free: 1e999 GB }", "1e999"),
        ("{ per: 1 GB, price: \"1\", mode: package, round_up: false }", "always rounds up"),
        ("{ per: 1 GB, price: \"1\", round_up: 3 vCPU-hour }", "not counted in byte"),
        ("{ per: 1 GB, price: \"1\", free: 5 }", "\"5\""),
        ("{ per: 1 GB, price: \"1\", free: 5 GiB-hour }", "not counted in byte"),
        ("{ per: 1 GB, price: \"1\", minimum_duration: 500ms }", "500ms"),
        ("{ per: 1 GB, price: \"1\", basis: max }", "cpu and memory only"),
        ("{ per: 1 GB, price: \"1\", unit: GPU }", "Take the unit out"),
        ("{ per: 1 parsec, price: \"1\" }", "cannot be priced per"),
        ("{ per: 1 GB, price: \"1\", colour: red }", "unknown key"),
    ])
    func metersAreChecked(meter: String, found: String) throws {
        let faults = try faults(meter)
        guard !found.isEmpty else { return #expect(faults == []) }
        #expect(faults.count == 1)
        #expect(
            faults.first?.hasPrefix("/p.yaml:7: books[0].meters.net_tx_bytes") == true
                && faults.first?.contains(found) == true, "\(faults)")
    }

    @Test(arguments: [
        ("minimum: \"5.00\"", ""), ("minimum: 5", "bare number"), ("minimum: \"-5\"", "-5"),
        ("fixed: [ { code: a, name: A, price: \"20.00\", per: month } ]", ""),
        ("fixed: [ { code: a, price: \"1\" }, { code: a, price: \"2\" } ]", "twice"),
        ("fixed: [ { code: a, price: \"1\", per: day } ]", "each billing month"),
        ("fixed: [ { price: \"1\" } ]", "no \"code\""),
        ("discounts: [ { percent: \"10\", meters: [cpu], tenants: [acme] } ]", ""),
        ("discounts: [ { percent: \"101\" } ]", "100 percent at most"),
        ("discounts: [ { percent: \"60\" }, { percent: \"60\", meters: [cpu] } ]", "add up"),
        (
            "discounts: [ { percent: \"60\", tenants: [a] }, { percent: \"60\", tenants: [b] } ]",
            ""
        ),
        ("discounts: [ { percent: \"10\", tenants: [] } ]", "an empty list"),
        ("discounts: [ { percent: \"10\", meters: [] } ]", "an empty list"),
        ("discounts: [ { percent: \"10\", meters: [memory] } ]", "memory"),
        ("discounts: [ { percent: \"10\", tenants: [A] } ]", "\"A\""),
        ("discounts: [ { percent: \"10\", until: 2026-07-01T00:30:00Z } ]", "00:30"),
        (
            "discounts: [ { percent: \"1\", from: 2026-07-01T00:00:00Z, until: 2026-06-01T00:00:00Z } ]",
            "not after from"
        ),
        ("taxes: [ { code: v, rate: \"20\" }, { code: v, rate: \"5\" } ]", "twice"),
        ("taxes: [ { code: v, rate: 20 } ]", "bare number"),
    ])
    func booksAreChecked(key: String, found: String) throws {
        let faults = try faults("{ per: 1 GB, price: \"1\" }", "    " + key)
        guard !found.isEmpty else { return #expect(faults == []) }
        #expect(faults.count == 1 && faults.first?.hasPrefix("/p.yaml:8: books[0].") == true)
        #expect(faults.first?.contains(found) == true, "\(faults)")
    }
}
