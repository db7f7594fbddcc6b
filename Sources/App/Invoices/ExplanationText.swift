import BigInt
import Invoicing
import Pricing
import Reporting
import Billing
import Store
import Units

/// An explanation for people, line by line.
///
/// It goes from the kernel's counters through the ledger and the price to the rounded amount.
///
/// - Parameter readings: the stored readings, for each account of the explanation.
func explanationText(
    _ explanation: Explanation, _ readings: [[CounterReadings]]
) -> [String] {
    let item = explanation.item
    let columns = item.columns
    var text = [
        "\(explanation.invoice.number), line \(explanation.line): \(columns.kind.rawValue) "
            + columns.meter + (columns.tier.map { ", tier \($0)" } ?? ""),
        "  period     \(item.period.start) to \(item.period.end)",
    ]
    if let container = item.container {
        text.append("  container  \(escapingControlCharacters(container))")
    }
    if let reference = item.reference { text.append("  corrects   \(reference)") }
    if let (number, line) = explanation.credited {
        text.append("  takes back \(number)" + (line.map { ", line \($0)" } ?? ""))
    }
    for (account, readings) in zip(explanation.accounts, readings) {
        text += accountText(account, readings, item)
    }
    text += formulaText(explanation)
    text += tierText(explanation)
    return text + roundingText(explanation)
}

/// What one account contributes: kernel readings, ledger rows, quantity.
///
/// - Returns: an empty line and the account; at most 12 ledger rows, the newest entries first.
private func accountText(
    _ account: Explanation.Account, _ readings: [CounterReadings], _ item: LineItem
) -> [String] {
    let identity =
        account.cgroupID.map { "cgroup \($0) of boot \(account.boot ?? "?")" } ?? "imported"
    var text = ["", "\(account.kind) \(escapingControlCharacters(account.path)) (\(identity))"]
    for reading in readings {
        let device = reading.device.map { " of device \($0)" } ?? ""
        text.append(
            "  kernel     \(reading.name)\(device): \(reading.first.value) at \(reading.first.at), "
                + "\(reading.last.value) at \(reading.last.at)")
    }
    if readings.isEmpty, account.kind != "imported" {
        text.append("  kernel     its samples are pruned: the ledger's rows are what is left")
    }
    let sum = account.hours.reduce(Int128(0)) { $0 + Int128($1.quantity) }
    text.append("  ledger     \(account.hours.count) rows, \(sum) \(item.columns.unit ?? "")")
    if item.reference != nil {
        text.append(
            "             \(account.billedBefore) of them were there when \(item.reference ?? "") was "
                + "issued")
    }
    for hour in account.hours.sorted(by: { $0.entry > $1.entry }).prefix(12) {
        text.append(
            "             \(hour.hour)  \(hour.meter)  \(hour.quantity)  \(hour.assurance), entry "
                + "\(hour.entry)")
    }
    if account.hours.count > 12 {
        text.append("             … and \(account.hours.count - 12) more: --format csv")
    }
    // The basis `max` bills the larger of use and reservation in each hour.
    if account.quantity != sum {
        text.append("  quantity   \(account.quantity), the larger of used and reserved by the hour")
    }
    // A container that lives shorter than the minimum duration is billed for that.
    if account.billable != account.quantity {
        text.append("  billable   \(account.billable), as a short life counts its minimum")
    }
    return text
}

/// The price books, and how the quantity and the price give the exact amount.
private func formulaText(_ explanation: Explanation) -> [String] {
    let item = explanation.item
    let books = explanation.books.map { "\($0.id) from \($0.effective)" }
    var text = ["", "price book  " + books.joined(separator: ", then ")]
    // Such a line corrects rounding of earlier invoices and has no price.
    if item.subject == .rounding {
        return text + [
            "formula     what rounding held back of earlier invoices of the same months, or billed too early"
        ]
    }
    let columns = item.columns
    guard let price = columns.unitPrice, let per = columns.per else {
        return text + ["no price: \(item.kind == .unpriced ? "shown at 0 by policy" : "none")"]
    }
    switch item.kind {
    // The price of a tax or discount is a percentage.
    case .tax, .discount:
        text.append("formula     \(price) % = \(item.exactAmount)")
    case .minimum:
        text.append("formula     minimum \(price), less all other lines = \(item.exactAmount)")
    default:
        let unit = columns.unit ?? ""
        let priced = item.counted?.billed ?? 0
        if case .usage(let usage) = item.subject, let tier = usage.tier {
            text.append(
                "quantity    \(usage.counted.metered) \(unit): the container's part of what lies in "
                    + (tier == .free ? "the free part" : "tier \(tier)"))
        }
        if let quantity = item.counted?.metered, quantity != priced {
            text.append("quantity    \(quantity) \(unit), priced as \(priced)")
        }
        // A price per month is divided by the length of this month.
        let month = explanation.segment?.month.seconds ?? explanation.item.period.seconds
        let size = UnitQuantity(per)?.size(monthSeconds: month)
        let base = size.map { " (\($0) \(unit))" } ?? ""
        text.append(
            "formula     \(priced) × \(price) ÷ \(per)\(base) = \(item.exactAmount)")
    }
    return text
}

/// The tiers of the meter's price; the tier of this line is marked with `>`.
///
/// - Returns: empty if the price has a single tier, nothing free and no rounding step.
private func tierText(_ explanation: Explanation) -> [String] {
    guard let position = explanation.position, let segment = explanation.segment,
        let price = explanation.item.meter.flatMap({ segment.book.meters[$0] }),
        price.tiers.count > 1 || price.free != nil || price.step != nil
    else { return [] }
    let seconds = segment.month.seconds
    var text = [
        "",
        "tiers       \(price.mode.name); the month held \(position.before) before, "
            + "\(position.inside) in this segment",
    ]
    if let free = price.free {
        text.append("  free      the first \(free)")
    }
    if let step = price.step { text.append("  round up  to whole \(step)") }
    for (index, tier) in price.tiers.enumerated() {
        let bound = tier.upTo.flatMap { price.per.whole($0.value, monthSeconds: seconds) }
        let end = bound.map { "up to \($0)" } ?? "beyond"
        let flat = tier.flat.map { ", and \($0) once" } ?? ""
        let isOwn = explanation.item.columns.tier == String(index + 1)
        text.append(
            "  \(isOwn ? ">" : " ") \(index + 1)       \(end): \(tier.price) per \(price.per)\(flat)"
        )
    }
    return text
}

/// How the exact amount became whole minor units.
///
/// A line of an invoice gets its share of the invoice's rounding, a tax is rounded by itself, and a
/// credit note takes back what was billed.
private func roundingText(_ explanation: Explanation) -> [String] {
    let currency = explanation.invoice.draft.currency
    let exact = explanation.item.exactAmount * Rational(currency.scale)
    // What this line received when the invoice's rounding was distributed.
    let extra = explanation.item.amount - exact.floor
    let mode = explanation.rounding.rawValue
    let isTax = explanation.item.isTax
    let share =
        if let (number, line) = explanation.credited {
            isTax
                ? "the tax on all that was taken back of \(number), rounded \(mode), less what "
                    + "earlier credit notes took back"
                : "taken back as line \(line ?? 0) of \(number) was rounded"
        } else if isTax {
            "rounded \(mode) by itself"
        } else if explanation.item.subject == .rounding {
            "\(extra) carried from earlier invoices of the same months"
        } else {
            "\(exact.floor) whole, remainder \(exact - Rational(exact.floor)); "
                + "the invoice is rounded \(mode) once, and this line received \(extra) of the rounding"
        }
    return [
        "", "rounding    \(exact) minor units: \(share)",
        "amount      \(currency.text(explanation.item.amount)) \(currency)",
    ]
}
