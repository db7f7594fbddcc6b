import Invoicing
import Metering
import Pricing
import Units

/// How a line of an invoice came about, down to the ledger's rows.
public struct Explanation: Sendable {
    /// An account behind the line: one life of a container.
    public struct Account: Sendable {
        /// The account's row number, as `Store.samples` takes it.
        public var container: Int64
        /// The cgroup path or imported name.
        public var path: String
        /// The kind of account: `container`, `tenant_root` or `imported`.
        public var kind: String
        /// The boot id, which identifies a cgroup together with `cgroupID`; `nil` for imports.
        public var boot: String?
        /// The kernel's id of the cgroup; `nil` for imports.
        public var cgroupID: Int64?
        /// The metered quantity that the invoice holds, in the line's segment and meter.
        public var quantity: Int128
        /// The quantity after the minimum duration was applied.
        public var billable: Int128
        /// The time inside the segment in which the account was the tenant's.
        public var period: Period?
        /// The ledger's rows, hour by hour.
        public var hours: [Hour]
        /// How many of the rows were in the ledger when the corrected invoice was issued.
        ///
        /// 0 for a line that is no correction.
        public var billedBefore: Int
    }

    /// A row of the ledger.
    public struct Hour: Hashable, Sendable {
        /// The start of the ledger hour.
        public var hour: Instant
        /// The ledger's name of the meter; memory has one for each formula.
        public var meter: String
        /// The quantity in base units of the meter.
        public var quantity: Int64
        /// The name of the `Assurance`.
        public var assurance: String
        /// The entry of the ledger's chain that closed the row.
        public var entry: Int64
    }

    public var invoice: Invoice
    /// The invoice and the line that a credit note's line takes back.
    ///
    /// `nil` for other documents. A tax has an invoice but no line.
    public var credited: (invoice: String, line: Int?)?
    /// The number of the line, from 1.
    public var line: Int
    public var item: LineItem
    /// The segment that priced it; `nil` for taxes, and for lines that cover several segments.
    public var segment: Segment?
    /// The accounts whose usage the line bills.
    public var accounts: [Account]
    /// The price book versions in force during the line's time.
    public var books: [PriceBook]
    /// How the invoice was rounded.
    public var rounding: Rounding
    /// The place of the line's meter in its month, in base units; `nil` for a line without a meter.
    ///
    /// `before` is the billable quantity of the month before the line's segment, `inside` that of
    /// the segment. Together they say which tiers the segment's usage lies in.
    public var position: (before: Int128, inside: Int128)?
}
