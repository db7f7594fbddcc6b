import BigInt
import Pricing
import Units

/// An invoice before it has a number.
///
/// Its lines add up to its total.
public struct Draft: Hashable, Sendable {
    /// The id of the tenant that pays.
    public var tenant: String
    /// The time that the invoice bills.
    public var period: Period
    /// The currency of all lines.
    public var currency: Currency
    /// All lines, taxes last.
    public var lines: [LineItem]
    /// The segments of the period: its parts, each with the book version that priced it.
    public var segments: [Segment]
    /// The segments between the start of the period's first month and the period.
    ///
    /// Other invoices bill them, but their usage comes first in the month's tiers.
    public var before: [Segment]

    public init(
        tenant: String, period: Period, currency: Currency, lines: [LineItem],
        segments: [Segment], before: [Segment] = []
    ) {
        (self.tenant, self.period, self.currency) = (tenant, period, currency)
        (self.lines, self.segments, self.before) = (lines, segments, before)
    }

    /// The sum without taxes, in minor units.
    public var net: BigInt { sum { $0 != .tax } }
    /// The sum of the taxes, in minor units.
    public var tax: BigInt { sum { $0 == .tax } }
    /// The amount to pay, in minor units; below zero on a credit note.
    public var total: BigInt { net + tax }

    private func sum(where isTaken: (LineItem.Kind) -> Bool) -> BigInt {
        lines.reduce(0) { isTaken($1.kind) ? $0 + $1.amount : $0 }
    }
}

/// An issued invoice or credit note, which has a number and never changes.
public struct Invoice: Hashable, Sendable {
    /// The state of an issued document.
    public enum Status: String, Sendable {
        /// An invoice, nothing of which was credited.
        case issued
        /// An invoice of which some lines were credited.
        case partlyCredited = "partly_credited"
        /// An invoice that was credited in full.
        case credited
        /// A credit note.
        case creditNote = "credit_note"
    }

    /// The number, such as `OCT-000001`; without gaps in its series.
    public var number: String
    /// The lines, and the segments that they rest on.
    public var draft: Draft
    /// When the document was issued.
    public var issued: Instant
    public var status: Status
    /// The number of the invoice whose lines a credit note takes back; `nil` for other documents.
    public var credits: String?
    /// Why the invoice was credited, in the operator's words.
    public var reason: String?
    /// The name of the time zone of the billing months, such as `Europe/Paris`.
    public var zone: String
    /// The seller, the buyer and the contract, as they were when the document was issued.
    public var parties: Parties
    /// What was known of the period's metering when the document was issued.
    public var caveats: [MeteringCaveat]
    /// The hashes that seal the document; `nil` until it is sealed.
    public var proof: Proof?

    /// Creates a document; it gets its number when it is written.
    public init(
        number: String, draft: Draft, issued: Instant, status: Status = .issued,
        credits: String? = nil, reason: String? = nil, zone: String = "UTC",
        parties: Parties = Parties(), caveats: [MeteringCaveat] = [], proof: Proof? = nil
    ) {
        (self.number, self.draft, self.issued, self.status) = (number, draft, issued, status)
        (self.credits, self.reason, self.zone) = (credits, reason, zone)
        (self.parties, self.caveats, self.proof) = (parties, caveats, proof)
    }

    /// Whether the document gives money back to the tenant.
    ///
    /// It takes back lines of another invoice, or its corrections exceed its new charges.
    public var isCreditNote: Bool { status == .creditNote }
}

/// The seller and the buyer of an invoice, with the terms between them.
public struct Parties: Hashable, Sendable, Codable {
    /// One side of an invoice.
    public struct Party: Hashable, Sendable, Codable {
        /// The name of the firm or person.
        public var name: String
        /// The postal address, over several lines.
        public var address: String?
        /// The country, as the configuration names it.
        public var country: String?
        /// The VAT identification number.
        public var vatID: String?
        /// The address for electronic mail.
        public var email: String?

        public init(
            name: String, address: String? = nil, country: String? = nil, vatID: String? = nil,
            email: String? = nil
        ) {
            (self.name, self.address, self.country) = (name, address, country)
            (self.vatID, self.email) = (vatID, email)
        }
    }

    /// Who issues the invoice; `nil` if `octroi.yaml` names no seller.
    public var seller: Party?
    /// Who pays.
    public var buyer: Party?
    /// When fees were due by the contract in force at the time of issue.
    public var contract: ContractTime
    /// The text about payment that the invoice prints.
    public var terms: String?

    public init(
        seller: Party? = nil, buyer: Party? = nil, contract: ContractTime = ContractTime(),
        terms: String? = nil
    ) {
        (self.seller, self.buyer, self.contract, self.terms) = (seller, buyer, contract, terms)
    }
}

/// The hashes that an issued document rests on.
public struct Proof: Hashable, Sendable {
    /// An entry of the ledger's chain.
    public struct Ledger: Hashable, Sendable {
        /// The number of the entry.
        public var entry: Int64
        /// The entry's SHA-256.
        public var hash: [UInt8]

        public init(entry: Int64, hash: [UInt8]) { (self.entry, self.hash) = (entry, hash) }
    }

    /// The ledger's newest entry when the document was issued.
    ///
    /// `nil` for a credit note that takes back lines of an invoice, because it rests on that
    /// invoice; and for documents that are older than the ledger's chain.
    public var ledger: Ledger?
    /// The SHA-256 of all that the document says and rests on, and of `previous`.
    public var hash: [UInt8]
    /// The hash of the document that was sealed before this one.
    public var previous: [UInt8]

    public init(ledger: Ledger?, hash: [UInt8], previous: [UInt8]) {
        (self.ledger, self.hash, self.previous) = (ledger, hash, previous)
    }
}
