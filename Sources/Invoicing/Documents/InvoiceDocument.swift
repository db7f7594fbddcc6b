import Metering
import Pricing
import Units

/// An issued invoice or credit note with all that is shown beside its lines: the one value that every output
/// format of invoices renders.
///
/// It is put together once, by the store. A format asks for nothing else, so that no two formats can disagree.
public struct InvoiceDocument: Sendable {
    public var invoice: Invoice
    /// The zone whose days and months the invoice was issued by.
    public var zone: BillingZone
    /// The segments that priced its lines: its own, and those of invoices that it corrects or credits.
    public var segments: [Segment]
    /// The end of the period that a credit note credits; `nil` for an invoice.
    public var creditedEnd: Instant?
    /// When the invoices that it refers to were issued, by number.
    public var references: [String: Instant]
    /// Names and labels of its containers, by path.
    public var containers: [ExactText: ContainerDescription]
    /// SHA-256 of the price book of each of its own segments, in their order.
    public var bookDigests: [[UInt8]]
    /// Its usage of all containers, by hour and meter; empty where no format asks for it.
    public var hourly: [HourlyUsage]

    public init(
        _ invoice: Invoice, in zone: BillingZone, segments: [Segment], creditedEnd: Instant? = nil,
        references: [String: Instant] = [:], containers: [ExactText: ContainerDescription] = [:],
        bookDigests: [[UInt8]] = [], hourly: [HourlyUsage] = []
    ) {
        (self.invoice, self.zone, self.segments) = (invoice, zone, segments)
        (self.creditedEnd, self.references) = (creditedEnd, references)
        (self.containers, self.bookDigests, self.hourly) = (containers, bookDigests, hourly)
    }

    public var draft: Draft { invoice.draft }

    /// The time that the document is billed in: its own period; of a credit note, what is left of the month it
    /// is issued in after the period that it credits.
    ///
    /// A bill that is closed must not change, so a credit counts for a later time than what it credits.
    public var billingPeriod: Period {
        guard let creditedEnd else { return draft.period }
        let month = zone.month(of: max(invoice.issued, creditedEnd))
        return Period(start: max(month.start, creditedEnd), end: month.end) ?? month
    }
}

/// What a container is called, beside its path.
public struct ContainerDescription: Hashable, Sendable {
    public var name: String?
    public var labels: [String: String]

    public init(name: String? = nil, labels: [String: String] = [:]) {
        (self.name, self.labels) = (name, labels)
    }
}

/// Usage of one meter in one hour of the ledger, of all containers of an invoice, in the meter's base unit.
public struct HourlyUsage: Hashable, Sendable {
    public var hour: Instant
    /// As invoices call it.
    public var meter: String
    public var quantity: Int128

    public init(hour: Instant, meter: String, quantity: Int128) {
        (self.hour, self.meter, self.quantity) = (hour, meter, quantity)
    }
}
