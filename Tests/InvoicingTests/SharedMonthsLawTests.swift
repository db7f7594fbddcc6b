import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import TestHistories
import TestSupport
import Testing
import Units

/// Reckoned once: each use of a history is placed by it.
private let firstMonth = Period(month: CutHistory.months[0])

/// The same law as that of the store, on the pure core alone: so it can try many more histories.
///
/// One tenant owns all; moves are left out, as a container that moves is usage that comes or goes.
private struct PlayedHistory {
    let history: CutHistory
    let books: PriceBooks

    init(_ history: CutHistory) {
        self.history = history
        books = PriceBooks(history.book)
    }

    /// An invoice of the past: what it bills, and its lines.
    private struct Document {
        var hours: Range<Int>
        var number: String
        var lines: [LineItem]
    }

    private func period(_ hours: Range<Int>) throws -> Period {
        let start = try #require(firstMonth).start
        return try #require(
            Period(
                start: start.advanced(bySeconds: Int64(hours.lowerBound) * 3600),
                end: start.advanced(bySeconds: Int64(hours.upperBound) * 3600)))
    }

    /// What is known of some hours before an issue; usage that moved away is not there any more.
    private func parts(_ hours: Range<Int>, at step: Int) throws -> [SegmentUsage] {
        try books.segments(of: "b", over: try period(hours), for: "ada").map { segment in
            var usage: [String: MeterUsage] = [:]
            for use in history.uses where use.step <= step {
                let place = try period(use.hour..<use.hour + 1)
                guard segment.period.holds(place), isOwned(use, at: step) else { continue }
                let name = "c\(use.container)"
                let meter = "m\(use.meter)"
                usage[
                    name + meter,
                    default: MeterUsage(
                        container: ExactText(name), meter: meter, quantity: 0)
                ].quantity += Int128(use.quantity)
            }
            let all = usage.sorted { $0.key < $1.key }.map { _, use in
                var use = use
                use.billable = use.quantity
                return use
            }
            return SegmentUsage(segment: segment, usage: all)
        }
    }

    private func isOwned(_ use: CutHistory.Use, at step: Int) -> Bool {
        !history.moves.contains {
            $0.step <= step && $0.container == use.container && $0.hours.contains(use.hour)
        }
    }

    /// The months of a stretch, as whole hours.
    private func months(_ hours: Range<Int>) -> ClosedRange<Int> {
        let month = 31 * 24
        return (hours.lowerBound < month ? 0 : 1)...(hours.upperBound <= month ? 0 : 1)
    }

    /// What is due of stretches that share months, by what is known before an issue.
    private func due(
        _ stretches: [(hours: Range<Int>, number: String?)], _ billed: [LineItem], at step: Int
    ) throws -> RoundedTogether {
        let contract = ContractTime(since: Instant(seconds: 0))
        let shared = SharedMonths(
            tenant: "ada",
            stretches: try stretches.map { stretch in
                InvoicedStretch(
                    invoice: stretch.number, period: try period(stretch.hours),
                    parts: try parts(stretch.hours, at: step), contract: contract)
            }, billed: billed)
        let sum = billed.reduce((Rational.zero, BigInt(0))) {
            ($0.0 + $1.exactAmount, $0.1 + $1.amount)
        }
        return RoundedTogether(
            lines: try shared.due(), billed: sum.0, billedRounded: sum.1,
            rounding: history.book[0].rounding)
    }

    private func draft(_ groups: [RoundedTogether]) throws -> Draft {
        try Draft(
            tenant: "ada", period: try period(0..<CutHistory.hours), groups: groups, segments: [],
            book: history.book[0])
    }

    /// The sum of all invoices as it happened.
    func asItHappened() throws -> BigInt {
        var (documents, start, net) = ([Document](), 0, BigInt(0))
        for step in 0...history.cuts.count {
            let own = step < history.cuts.count ? start..<history.cuts[step] : nil
            var components = joined(documents.map(\.hours) + [own].compactMap(\.self))
            components.sort { $0.lowerBound < $1.lowerBound }
            for component in components {
                let past = documents.filter {
                    !$0.hours.isEmpty && component.overlaps(months($0.hours))
                }
                let isOwn = own.map { component.overlaps(months($0)) } ?? false
                let stretches =
                    past.map { ($0.hours, Optional($0.number)) }
                    + (isOwn ? [own].compactMap(\.self).map { ($0, nil) } : [])
                let periods = try stretches.map { try period($0.0) }
                let lines = documents.flatMap(\.lines).filter { line in
                    periods.contains { $0.holds(line.period) }
                        || (line.isMinimum && isIn(line, component))
                }
                let group = try due(stretches, lines, at: step)
                let draft = try draft([group])
                net += draft.net
                let own = isOwn ? own : nil
                documents.append(
                    Document(
                        hours: own ?? 0..<0, number: "OCT-\(documents.count)",
                        lines: draft.lines.filter { !$0.isTax }))
            }
            documents.sort { $0.hours.lowerBound < $1.hours.lowerBound }
            if let own { start = own.upperBound }
        }
        return net
    }

    private func isIn(_ line: LineItem, _ months: ClosedRange<Int>) -> Bool {
        months.contains { month in
            let hours = month == 0 ? 0..<31 * 24 : 31 * 24..<CutHistory.hours
            return (try? period(hours).holds(line.period)) ?? false
        }
    }

    /// Months that stretches tie together.
    private func joined(_ stretches: [Range<Int>]) -> [ClosedRange<Int>] {
        let all = stretches.filter { !$0.isEmpty }.map(months)
        if all.contains(0...1) { return [0...1] }
        return Set(all).sorted { $0.lowerBound < $1.lowerBound }
    }

    func asOneInvoice() throws -> BigInt {
        let month = 31 * 24
        let whole =
            history.crossesMonths
            ? [0..<CutHistory.hours] : [0..<month, month..<CutHistory.hours]
        return try whole.reduce(0) { sum, hours in
            sum + (try draft([due([(hours, nil)], [], at: .max)]).net)
        }
    }
}

@Suite struct SharedMonthsLawTests {
    /// OCTROI_HISTORIES=1000000 tries more seeds, OCTROI_HISTORIES_FROM=7 begins with another.
    @Test(arguments: 0..<8) func invoicesOfAMonthAddUp(lane: Int) throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["OCTROI_HISTORIES"].flatMap { Int($0) } ?? 4800
        let from = environment["OCTROI_HISTORIES_FROM"].flatMap { Int($0) } ?? 0
        for seed in stride(from: from + lane, to: from + count, by: 8) {
            var history = CutHistory(seed: UInt64(seed))
            guard broken(history) != nil else { continue }
            while let smaller = history.smaller.first(where: { broken($0) != nil }) {
                history = smaller
            }
            Issue.record("seed \(seed): \(broken(history) ?? "")\n\(history)")
            return
        }
    }

    private func broken(_ history: CutHistory) -> String? {
        do {
            let played = PlayedHistory(history)
            let (billed, owed) = (try played.asItHappened(), try played.asOneInvoice())
            return billed == owed ? nil : "billed \(billed), owed \(owed)"
        } catch {
            return "\(error)"
        }
    }
}
