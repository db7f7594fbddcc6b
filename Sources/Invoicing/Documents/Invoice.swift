import BigInt
import Pricing
import Units

/// An invoice before it has a number.
///
/// Its lines add up to its total.
public struct Draft: Hashable, Sendable {
    public var tenant: String
    public var period: Period
    public var currency: Currency
    public var lines: [LineItem]
    /// The parts of the period and the book version that priced each.
    public var segments: [Segment]
    /// What lies before the period in its first month, and counts in its tiers.
    public var before: [Segment]

    public init(
        tenant: String, period: Period, currency: Currency, lines: [LineItem],
        segments: [Segment], before: [Segment] = []
    ) {
        (self.tenant, self.period, self.currency) = (tenant, period, currency)
        (self.lines, self.segments, self.before) = (lines, segments, before)
    }

    /// In minor units, without tax.
    public var net: BigInt { sum { $0 != .tax } }
    /// In minor units.
    public var tax: BigInt { sum { $0 == .tax } }
    /// In minor units.
    public var total: BigInt { net + tax }

    private func sum(where isTaken: (LineItem.Kind) -> Bool) -> BigInt {
        lines.reduce(0) { isTaken($1.kind) ? $0 + $1.amount : $0 }
    }
}

/// An issued invoice or credit note: numbered, and never changed.
public struct Invoice: Hashable, Sendable {
    /// Where an issued invoice stands.
    public enum Status: String, Sendable {
        case issued
        /// Some lines, or parts of them, were credited.
        case partlyCredited = "partly_credited"
        case credited
        /// It is a credit note itself.
        case creditNote = "credit_note"
    }

    /// `OCT-000001`: gapless in its series.
    public var number: String
    public var draft: Draft
    public var issued: Instant
    public var status: Status
    /// The invoice that a credit note credits.
    public var credits: String?
    public var reason: String?
    /// Of the billing months.
    public var zone: String
    /// What stands on it of both sides, as it was when it was issued.
    public var parties: Parties
    /// What was said of the period's metering when it was issued.
    public var notes: [Note]
    /// `nil` until it is sealed.
    public var proof: Proof?

    public init(
        number: String, draft: Draft, issued: Instant, status: Status = .issued,
        credits: String? = nil, reason: String? = nil, zone: String = "UTC",
        parties: Parties = Parties(), notes: [Note] = [], proof: Proof? = nil
    ) {
        (self.number, self.draft, self.issued, self.status) = (number, draft, issued, status)
        (self.credits, self.reason, self.zone) = (credits, reason, zone)
        (self.parties, self.notes, self.proof) = (parties, notes, proof)
    }

    /// Whether money goes back to the tenant: it takes back lines of another invoice, or its
    /// corrections come to more than what is new.
    public var isCreditNote: Bool { status == .creditNote }
}

/// The seller and the buyer of an invoice.
public struct Parties: Hashable, Sendable, Codable {
    /// One side of an invoice.
    public struct Party: Hashable, Sendable, Codable {
        public var name: String
        public var address: String?
        public var country: String?
        public var vatID: String?
        public var email: String?

        public init(
            name: String, address: String? = nil, country: String? = nil, vatID: String? = nil,
            email: String? = nil
        ) {
            (self.name, self.address, self.country) = (name, address, country)
            (self.vatID, self.email) = (vatID, email)
        }
    }

    public var seller: Party?
    public var buyer: Party?
    /// When fees were due, as the contract said then.
    public var contract: ContractTime
    /// What is said of payment.
    public var terms: String?

    public init(
        seller: Party? = nil, buyer: Party? = nil, contract: ContractTime = ContractTime(),
        terms: String? = nil
    ) {
        (self.seller, self.buyer, self.contract, self.terms) = (seller, buyer, contract, terms)
    }
}

/// Something that is said of how an invoice's period was metered.
public struct Note: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// How far the quantities of a meter can be trusted.
        case assurance
        /// Time in which the collector did not run.
        case gap
        /// Time of a container of which nothing is known.
        case unmetered
        /// Hours of the period of which no row of the ledger is closed.
        case open
        /// Control totals that the ledger does not come to.
        case audit
    }

    public var kind: Kind
    public var text: String

    public init(_ kind: Kind, _ text: String) { (self.kind, self.text) = (kind, text) }

    /// How much of a meter's quantity has which assurance, by name.
    public init(_ meter: String, _ sums: [(name: String, quantity: Int128)]) {
        let parts = sums.map { "\($0.name) \($0.quantity)" }
        self.init(.assurance, "\(meter): " + parts.joined(separator: ", "))
    }

    /// What the initializer above was given; `nil` for another kind of note.
    public var assured: (meter: String, sums: [String: Int128])? {
        guard kind == .assurance, let colon = text.firstIndex(of: ":") else { return nil }
        let sums = text[colon...].dropFirst(2).split(separator: ", ").reduce(into: [:]) {
            (sums: inout [String: Int128], part) in
            let words = part.split(separator: " ")
            if words.count == 2 { sums[String(words[0])] = Int128(words[1]) }
        }
        return (String(text[..<colon]), sums)
    }
}

/// What an issued invoice rests on.
public struct Proof: Hashable, Sendable {
    /// An entry of the ledger's chain.
    public struct Ledger: Hashable, Sendable {
        public var entry: Int64
        public var hash: [UInt8]

        public init(entry: Int64, hash: [UInt8]) { (self.entry, self.hash) = (entry, hash) }
    }

    /// The newest entry when it was issued; `nil` of a note that takes lines of an invoice back, as
    /// it rests on that invoice, and of what was issued before the ledger was kept.
    public var ledger: Ledger?
    /// SHA-256 of all that the invoice says and rests on, and of the hash before it.
    public var hash: [UInt8]
    public var previous: [UInt8]

    public init(ledger: Ledger?, hash: [UInt8], previous: [UInt8]) {
        (self.ledger, self.hash, self.previous) = (ledger, hash, previous)
    }
}
