/// Which part of a tiered price a quantity lies in.
public enum TierPlace: Hashable, Sendable, CustomStringConvertible {
    /// The free part, which costs nothing.
    case free
    /// A tier, counted from 1.
    case number(Int)

    /// The form in invoices and exports: `free`, or the tier's number.
    public var description: String {
        switch self {
        case .free: "free"
        case .number(let number): String(number)
        }
    }

    /// Reads what `description` gives; `nil` for any other text.
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
