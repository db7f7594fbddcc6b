import Pricing
import Units

extension [AccountUsage] {
    /// The hours of accounts that the usage is of, each once.
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
    ///   - ledger: what the ledger holds of the same spans.
    ///   - segments: what `segment` of the usage counts through.
    /// - Returns: each difference in words, also where a quantity was not raised to the minimum duration
    ///   of its price as it should be.
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

/// What an invoice's usage comes to with its prices' minimum durations.
private func billable(
    _ pinned: [AccountUsage], _ segments: [Segment], _ rules: RatingRules
) -> [(AccountUsage, Int128)] {
    if rules == .first {
        return pinned.map { use in
            (use, segments[use.segment].book.billable(use.quantity, use.meter, use.span.life))
        }
    }
    // A life is pinned where it makes a difference: it is that of the container all the same.
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
