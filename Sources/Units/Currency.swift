import BigInt

/// A currency of ISO 4217, with the digits of its minor unit.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    public let code: String
    /// Digits after the point: JPY 0, EUR 2, BHD 3, CLF 4.
    public let digits: Int

    /// `nil` unless ISO 4217 has the code with a minor unit.
    ///
    /// Currencies that have ended are read, too: what was invoiced in them stays. See `end`.
    public init?(_ code: String) {
        guard let digits = Self.digitsByCode[code] ?? Self.ended[code]?.digits else { return nil }
        self.code = code
        self.digits = digits
    }

    public var description: String { code }

    /// Minor units (cents) as decimal text in major units: 1234 is `12.34` in EUR.
    public func text(_ minor: BigInt) -> String { decimalText(minor, places: digits) }

    /// Minor units in one major unit.
    public var scale: BigInt { BigInt(10).power(digits) }

    /// When it ended and what took its place; `nil` while it is in force.
    public var end: End? { Self.ended[code]?.end }

    /// The end of a currency.
    public struct End: Hashable, Sendable {
        public var at: Instant
        public var successor: String
    }

    /// What an older Octroi took for a currency in force.
    private static let ended: [String: (digits: Int, end: End)] = [
        "BGN": (2, End(at: Instant(seconds: 1_767_225_600), successor: "EUR"))
    ]

    /// List one as of amendment 180, in force from 2026-01-01 on, without what has no minor unit:
    /// metals, units of account, codes for tests.
    ///
    /// Funds are in it (CLF, UYW, CHE …).
    private static let digitsByCode: [String: Int] = {
        let none = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
        let three = "BHD IQD JOD KWD LYD OMR TND"
        let four = "CLF UYW"
        let two = """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
            CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
            GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK \
            LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO \
            NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS \
            SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST \
            XAD XCD XCG YER ZAR ZMW ZWG
            """
        var table: [String: Int] = [:]
        for (codes, digits) in [(none, 0), (two, 2), (three, 3), (four, 4)] {
            for code in codes.split(separator: " ") { table[String(code)] = digits }
        }
        return table
    }()
}
