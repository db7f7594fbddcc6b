import BigInt

/// A currency of ISO 4217, with the digits of its minor unit.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    public let code: String
    /// Digits after the point: JPY 0, EUR 2, BHD 3.
    public let digits: Int

    /// `nil` unless the code is an active currency of ISO 4217.
    public init?(_ code: String) {
        guard let digits = Self.digitsByCode[code] else { return nil }
        self.code = code
        self.digits = digits
    }

    public var description: String { code }

    /// Minor units (cents) as decimal text in major units: 1234 is `12.34` in EUR.
    public func text(_ minor: BigInt) -> String { decimalText(minor, places: digits) }

    /// Minor units in one major unit.
    public var scale: BigInt { BigInt(10).power(digits) }

    private static let digitsByCode: [String: Int] = {
        let none = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
        let three = "BHD IQD JOD KWD LYD OMR TND"
        let two = """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN \
            BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
            GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK \
            LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO \
            NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
            SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST \
            XCD YER ZAR ZMW ZWG
            """
        var table: [String: Int] = [:]
        for (codes, digits) in [(none, 0), (two, 2), (three, 3)] {
            for code in codes.split(separator: " ") { table[String(code)] = digits }
        }
        return table
    }()
}
