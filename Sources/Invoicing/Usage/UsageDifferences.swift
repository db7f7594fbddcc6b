import Pricing
import Units

extension [AccountUsage] {
    /// The accounts and hours that the usage belongs to, each once and without its `life`.
    public var spans: [OwnedSpan] {
        let all = Set(
            map { use in
                var span = use.span
                span.life = nil
                return span
            })
        return all.sorted { ($0.container, $0.since) < ($1.container, $1.since) }
    }

    /// Compares the usage that an invoice was computed from with the ledger.
    ///
    /// - Parameters:
    ///   - ledger: what the ledger holds for the same spans.
    ///   - segments: what `segment` of the usage counts through.
    ///   - rules: the rules that the invoice was made by.
    /// - Returns: a sentence for each difference: a quantity that the ledger does not hold, or a
    ///   billable quantity that does not follow from its price's minimum duration.
    public func differences(
        from ledger: [AccountUsage], _ segments: [Segment], _ rules: RatingRules = .current
    ) -> [String] {
        let held = Dictionary(ledger.map { (UsageKey($0), $0.quantity) }) { $0 + $1 }
        var found: [String] = []
        for use in self where held[UsageKey(use)] != use.quantity {
            let ledger = held[UsageKey(use)].map { "\($0)" } ?? "nothing"
            found.append(
                "it bills \(use.quantity) of \(use.meter) in \(escapingControlCharacters(use.span.path.text)), of "
                    + "which the ledger held \(ledger)")
        }
        for (use, billable) in billable(self, segments, rules) where use.billable != billable {
            found.append(
                "it bills \(use.billable) for \(use.quantity) of \(use.meter) in "
                    + escapingControlCharacters(use.span.path.text))
        }
        return found
    }
}

/// Each usage with the billable quantity that follows from its price's minimum duration.
private func billable(
    _ pinned: [AccountUsage], _ segments: [Segment], _ rules: RatingRules
) -> [(AccountUsage, Int128)] {
    if rules == .first {
        return pinned.map { use in
            (use, segments[use.segment].book.billable(use.quantity, use.meter, use.span.life))
        }
    }
    // A life is pinned only where it changes a quantity, but it holds for all usage of the
    // container.
    var lives: [Int64: Int64] = [:]
    for use in pinned { if let life = use.span.life { lives[use.span.container] = life } }
    var minimum = MinimumDuration(segments)
    return pinned.sorted {
        ($0.span.container, $0.segment, $0.span.since)
            < ($1.span.container, $1.segment, $1.span.since)
    }.map { use in
        var span = use.span
        span.life = lives[span.container]
        let billable = minimum.billable(
            use.quantity, of: use.meter, isUnreserved: use.isUnreserved, in: use.segment, span)
        return (use, billable)
    }
}
