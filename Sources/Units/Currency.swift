import BigInt

/// A currency of ISO 4217 and the number of digits of its minor unit.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    /// The three capital letters, such as `EUR`.
    public let code: String
    /// Digits after the decimal point: 0 for JPY, 2 for EUR, 3 for BHD, 4 for CLF.
    public let digits: Int

    /// Looks up a code.
    ///
    /// `nil` unless ISO 4217 lists it with a minor unit. Currencies that are no longer in force are
    /// accepted too, because invoices in them are still read; `end` tells them apart. The code must
    /// be in capitals.
    public init?(_ code: String) {
        guard let digits = Self.digitsByCode[code] ?? Self.ended[code]?.digits else { return nil }
        self.code = code
        self.digits = digits
    }

    /// The code.
    public var description: String { code }

    /// An amount as decimal text in major units: 1234 minor units (cents) are `12.34` in EUR.
    ///
    /// - Parameter minor: the amount in minor units.
    public func text(_ minor: BigInt) -> String { decimalText(minor, places: digits) }

    /// Minor units in one major unit: 100 for EUR, 1 for JPY.
    public var scale: BigInt { BigInt(10).power(digits) }

    /// When the currency ended and what replaced it; `nil` while it is in force.
    public var end: End? { Self.ended[code]?.end }

    /// When and how a currency went out of use.
    public struct End: Hashable, Sendable {
        /// The first instant at which the currency is no longer in force.
        public var at: Instant
        /// The code of the currency that replaced it.
        public var successor: String
    }

    /// Currencies that an older Octroi accepted as being in force and that have ended since.
    private static let ended: [String: (digits: Int, end: End)] = [
        "BGN": (2, End(at: Instant(seconds: 1_767_225_600), successor: "EUR"))
    ]

    /// The digits of every currency in force, by code.
    ///
    /// Source: ISO 4217 List One as of amendment 180, in force from 2026-01-01. Entries without a
    /// minor unit are left out: metals, units of account and codes for testing. Fund codes (CLF,
    /// UYW, CHE …) are included.
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
