import BigInt
import Testing
import Units

/// ISO 4217, list one as of amendment 180: 2026-01-01, looked at on 2026-11-29.
///
/// When SIX publishes another amendment, this list and the one in Currency.swift change together.
@Suite struct CurrencyTests {
    /// What has no minor unit, or is of List three: no invoice can be in it.
    private static let none = """
        XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX ANG CUC HRK SLL ZWL LTL MRO STD VEF EEK \
        eur EURO EU XX1
        """

    @Test(arguments: [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (2, "AED CHE CHW BOV COU EUR MXV SLE USN VED VES XAD XCD XCG ZWG"),
        (3, "BHD IQD JOD KWD LYD OMR TND"), (4, "CLF UYW"),
    ])
    func minorUnits(digits: Int, codes: String) {
        for code in codes.split(separator: " ") {
            #expect(Currency(String(code))?.digits == digits, "\(code)")
            #expect(Currency(String(code))?.end == nil, "\(code)")
        }
        #expect(Currency("CLF")?.text(12_346) == "1.2346")
    }

    /// Every combination of three letters: those that are currencies are as many as in the list.
    @Test func nothingElseIsACurrency() {
        let letters = (UInt8(ascii: "A")...UInt8(ascii: "Z")).map { String(UnicodeScalar($0)) }
        let known = letters.flatMap { a in
            letters.flatMap { b in letters.compactMap { Currency(a + b + $0) } }
        }
        #expect(known.filter { $0.end == nil }.count == 165)
        #expect(known.filter { $0.end != nil }.map(\.code) == ["BGN"])
        for code in Self.none.split(separator: " ") {
            #expect(Currency(String(code)) == nil, "\(code)")
        }
    }

    /// Bulgaria took the euro; what was invoiced in lev stays readable.
    @Test func anEndedCurrencySaysSo() throws {
        let lev = try #require(Currency("BGN"))
        #expect(lev.text(1234) == "12.34")
        #expect(lev.end?.successor == "EUR")
        #expect(lev.end?.at == Instant(rfc3339: "2026-01-01T00:00:00Z"))
    }
}
