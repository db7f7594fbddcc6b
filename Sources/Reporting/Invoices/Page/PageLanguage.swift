import BigInt
import Units

/// A language of the invoice page; its raw value is the HTML `lang`.
public enum PageLanguage: String, Sendable, CaseIterable {
    /// English.
    case en
    /// French.
    case fr
}

/// How the invoice page writes words, numbers, times and names.
struct PageText {
    let language: PageLanguage
    /// The words of the language by key, from reports/invoice.labels.json.
    let labels: [String: String]

    /// The words for a key; the key itself if it has none.
    ///
    /// - Parameter values: texts for the names in braces: `{amount}` is replaced by
    ///   `values["amount"]`.
    func label(_ key: String, _ values: [String: String] = [:]) -> String {
        values.reduce(labels[key] ?? key) { $0.replacing("{\($1.key)}", with: $1.value) }
    }

    /// Decimal text as the language writes it: `1,234.56`, or `1 234,56` in French.
    ///
    /// The French space is narrow and does not break. The minus sign is U+2212.
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

    /// An amount without its currency, as the language writes it.
    ///
    /// - Parameter minor: the amount in minor units of the currency.
    func money(_ minor: BigInt, _ currency: Currency) -> String { number(currency.text(minor)) }

    /// A quantity such as `12,345.6 GiB-hour` as the language writes it.
    ///
    /// The space before the unit does not break.
    func words(_ text: String) -> String {
        guard let space = text.firstIndex(of: " ") else { return number(text) }
        let digits = text[..<space].replacing(",", with: "")
        return number(String(digits)) + "\u{A0}" + text[text.index(after: space)...]
    }

    /// A number with a percent sign, in French after a space that does not break.
    func percent(_ text: String) -> String {
        number(text) + (language == .en ? "%" : "\u{A0}%")
    }

    /// A name from outside, without characters that would harm the page.
    ///
    /// Control characters and noncharacters, which HTML forbids, become U+FFFD. Characters that
    /// change the direction of writing become visible, as in `⟨U+202E⟩`. The template escapes
    /// markup itself.
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

    /// The date of an instant in the billing zone: `2026-11-01`.
    func day(_ instant: Instant, _ zone: BillingZone) -> String { zone.day(of: instant).date }

    /// An instant in the billing zone, to the minute: `2026-11-01 00:00`.
    func time(_ instant: Instant, _ zone: BillingZone) -> String {
        let text = zone.local(instant).description
        return text.prefix(10) + "\u{A0}" + text.dropFirst(11).prefix(5)
    }

    /// A text for the inside of a CSS string.
    ///
    /// Letters, digits, blanks, `-` and `.` in ASCII stay. Any other character becomes a backslash
    /// and six hexadecimal digits, so that no text can end the string.
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
