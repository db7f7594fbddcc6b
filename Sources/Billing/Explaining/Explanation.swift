import Invoicing
import Metering
import Pricing
import Units

/// Where a line of an invoice comes from, down to the ledger's rows.
public struct Explanation: Sendable {
    /// One account behind the line.
    public struct Account: Sendable {
        /// Its row, as `Store.samples` takes it.
        public var container: Int64
        public var path: String
        public var kind: String
        /// Of a cgroup: the boot and the kernel's id, which with it is the identity.
        public var boot: String?
        public var cgroupID: Int64?
        /// What the invoice holds of it, in the line's segment and meter.
        public var quantity: Int128
        public var billable: Int128
        /// The hours in which it was the tenant's, inside the segment.
        public var period: Period?
        /// The ledger's rows, hour by hour.
        public var hours: [Hour]
        /// How many of these rows were there when the corrected invoice was issued.
        public var billedBefore: Int
    }

    /// A row of the ledger.
    public struct Hour: Hashable, Sendable {
        public var hour: Instant
        /// As the ledger calls it: memory by its formula.
        public var meter: String
        public var quantity: Int64
        public var assurance: String
        /// The entry of the ledger's chain that closed it.
        public var entry: Int64
    }

    public var invoice: Invoice
    /// Of a credit note's line: the invoice and the line that it takes back; a tax has no line.
    public var credited: (invoice: String, line: Int?)?
    /// From 1.
    public var line: Int
    public var item: LineItem
    /// The segment that priced it; `nil` for taxes and what covers several.
    public var segment: Segment?
    public var accounts: [Account]
    /// The price books of the line's time.
    public var books: [PriceBook]
    /// How its invoice was rounded.
    public var rounding: Rounding
    /// Of the line's meter in the month: what stood before its segment, and what it holds.
    public var position: (before: Int128, inside: Int128)?
}
