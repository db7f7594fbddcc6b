/// Where in the tiers of a price a quantity lies.
public enum TierPlace: Hashable, Sendable, CustomStringConvertible {
    /// In the part that costs nothing.
    case free
    /// In a tier; tiers count from 1.
    case number(Int)

    /// As invoices and exports write it: `free`, or the number.
    public var description: String {
        switch self {
        case .free: "free"
        case .number(let number): String(number)
        }
    }

    /// `nil` unless the text is what `description` gives.
    public init?(_ text: String) {
        if text == "free" {
            self = .free
        } else if let number = Int(text), number > 0, String(number) == text {
            self = .number(number)
        } else {
            return nil
        }
    }
}
