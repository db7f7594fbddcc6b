import BigInt
import Units

/// A language that invoices are printed in.
public enum PageLanguage: String, Sendable, CaseIterable {
    case en
    case fr
}

/// How a page writes numbers and names.
struct PageText {
    let language: PageLanguage
    let labels: [String: String]

    /// A label with what stands in braces filled in; the key itself if there is none.
    func label(_ key: String, _ values: [String: String] = [:]) -> String {
        values.reduce(labels[key] ?? key) { $0.replacing("{\($1.key)}", with: $1.value) }
    }

    /// Decimal text as the language writes it: `1,234.56`, or `1 234,56` with a narrow space.
    func number(_ text: String) -> String {
        let negative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        let whole = Array(parts.first ?? "0")
        let (comma, point) = language == .en ? (",", ".") : ("\u{202F}", ",")
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { grouped += comma }
            grouped.append(digit)
        }
        let fraction = parts.count > 1 ? point + parts[1] : ""
        return (negative ? "\u{2212}" : "") + grouped + fraction
    }

    func money(_ minor: BigInt, _ currency: Currency) -> String { number(currency.text(minor)) }

    /// `12,345.6 unit` with the number as the language writes it, and no break before the unit.
    func words(_ text: String) -> String {
        guard let space = text.firstIndex(of: " ") else { return number(text) }
        let digits = text[..<space].replacing(",", with: "")
        return number(String(digits)) + "\u{A0}" + text[text.index(after: space)...]
    }

    func percent(_ text: String) -> String {
        number(text) + (language == .en ? "%" : "\u{A0}%")
    }

    /// A name as it can be printed: nothing that HTML forbids or that turns text around.
    func name(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar.value {
            case 0x9, 0xA: String(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: "\u{FFFD}"
            case 0x61C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069:
                "\u{27E8}U+" + String(scalar.value, radix: 16, uppercase: true) + "\u{27E9}"
            default: String(scalar)
            }
        }.joined()
    }

    func day(_ instant: Instant) -> String { String(instant.description.prefix(10)) }

    /// An instant of the billing zone's UTC hours: `2026-11-01 00:00`.
    func time(_ instant: Instant, _ zone: BillingZone) -> String {
        let text = zone.local(instant).description
        return text.prefix(10) + "\u{A0}" + text.dropFirst(11).prefix(5)
    }

    /// A text inside a CSS string: what is not plain as a backslash and six digits.
    func css(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            let isPlain =
                scalar.isASCII
                && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                    || " -.".unicodeScalars.contains(scalar))
            if isPlain { return String(scalar) }
            let hex = String(scalar.value, radix: 16)
            return "\\" + String(repeating: "0", count: 6 - hex.count) + hex
        }.joined()
    }
}
