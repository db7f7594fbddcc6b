import Metering
import Units

/// What an invoice says about the reliability of the figures that it bills.
///
/// An issued invoice keeps each caveat as a kind and a text, and both are in its hash. `text` writes
/// that text, and `init(_:_:)` reads it back, so nothing else ever takes a text apart.
///
/// ```
/// let caveat = MeteringCaveat.gap(since: start, until: end, reason: "rebooted")
/// caveat == MeteringCaveat(caveat.kind, caveat.text)   // true
/// ```
public enum MeteringCaveat: Hashable, Sendable {
    /// What a caveat is about.
    public enum Kind: String, Sendable, CaseIterable {
        /// How far the quantities of a meter can be trusted.
        case assurance
        /// Time in which the collector did not run.
        case gap
        /// Time in which a container, or a priced meter of it, was not measured.
        case unmetered
        /// The period's end is not metered yet: the last reading is older.
        case open
        /// A control total or a term differs from the ledger, or usage is counted twice.
        case audit
    }

    /// How much of a meter's quantity has which assurance.
    case assured(meter: String, [AssuredQuantity])
    /// The collector did not run, for a reason such as `rebooted`.
    case gap(since: Instant, until: Instant, reason: String)
    /// Usage of a container that was not measured at all, for a reason such as `root_vanished`.
    ///
    /// `since` is `nil` if the beginning is not known.
    case unmetered(container: String, since: Instant?, until: Instant, reason: String)
    /// Priced meters of a container that were not measured for some time.
    case unmeasured(UnmeasuredMeters)
    /// Anything else, as a sentence.
    case remark(Kind, String)

    /// The quantity of one assurance, in base units of the meter.
    public struct AssuredQuantity: Hashable, Sendable {
        /// The assurance's name, such as `conserved`.
        public var assurance: String
        public var quantity: Int128

        public init(_ assurance: String, _ quantity: Int128) {
            (self.assurance, self.quantity) = (assurance, quantity)
        }
    }

    /// Meters of one container that one kernel file did not give.
    public struct UnmeasuredMeters: Hashable, Sendable {
        /// The container's path, with escaped control characters.
        public var container: String
        /// The names of the meters.
        public var meters: [String]
        public var since: Instant
        public var until: Instant
        /// The kernel file, or `its cgroup`.
        public var file: String
        /// The class of the reason, such as `malformed` (`Absence.Reason`).
        public var reason: String
        /// What was found.
        public var detail: String
        /// Whether nothing is lost, because the counter went on and its next reading was billed.
        public var isMadeGood: Bool

        public init(
            container: String, meters: [String], since: Instant, until: Instant, file: String,
            reason: String, detail: String, isMadeGood: Bool
        ) {
            (self.container, self.meters, self.since, self.until) = (
                container, meters, since, until
            )
            (self.file, self.reason, self.detail) = (file, reason, detail)
            self.isMadeGood = isMadeGood
        }
    }

    /// The kind under which the caveat is stored and printed.
    public var kind: Kind {
        switch self {
        case .assured: .assurance
        case .gap: .gap
        case .unmetered, .unmeasured: .unmetered
        case .remark(let kind, _): kind
        }
    }

    /// The caveat as it is sealed into the invoice, with codes in place of translated words.
    public var text: String {
        text {
            $0
        } meter: {
            $0
        }
    }

    /// The caveat with its codes in other words, as a page in another language prints it.
    ///
    /// - Parameters:
    ///   - reason: the words for the code of a reason.
    ///   - meter: the words for the name of a meter.
    public func text(reason: (String) -> String, meter: (String) -> String) -> String {
        switch self {
        case .assured(let name, let sums):
            let parts = sums.map { "\($0.assurance) \($0.quantity)" }
            return "\(name): " + parts.joined(separator: ", ")
        case .gap(let since, let until, let code):
            return "\(since) to \(until): \(reason(code))"
        case .unmetered(let container, let since, let until, let code):
            let from = since.map { "from \($0) " } ?? ""
            return "\(container): \(from)until \(until), \(reason(code))"
        case .unmeasured(let time):
            let names = time.meters.map(meter).joined(separator: ", ")
            let why = "\(time.file): \(reason(time.reason)), \(time.detail)"
            return
                "\(time.container): \(names) not measured from \(time.since) to \(time.until) (\(why))"
                + (time.isMadeGood ? Self.madeGood : "")
        case .remark(_, let text): return text
        }
    }

    /// What follows a time in which nothing was lost.
    private static let madeGood = "; the counter went on, and its next reading was billed"
}

// Reading the texts of issued invoices.
extension MeteringCaveat {
    /// Reads a caveat back from its kind and text.
    ///
    /// A text of no known form becomes a remark, so `text` always gives the same text again.
    public init(_ kind: Kind, _ text: String) {
        let known: MeteringCaveat? =
            switch kind {
            case .assurance: Self.assured(text)
            case .gap: Self.gap(text)
            case .unmetered: Self.unmeasured(text) ?? Self.unmetered(text)
            case .open, .audit: nil
            }
        guard let known, known.text == text else {
            self = .remark(kind, text)
            return
        }
        self = known
    }

    /// Reads `cpu: conserved 3600000000, sampled 12000000`.
    private static func assured(_ text: String) -> MeteringCaveat? {
        guard let (meter, rest) = text[...].halves(at: ": ") else { return nil }
        var sums: [AssuredQuantity] = []
        for part in rest.split(separator: ", ", omittingEmptySubsequences: false) {
            guard let (name, number) = part.halves(at: " "), let quantity = Int128(number) else {
                return nil
            }
            sums.append(AssuredQuantity(String(name), quantity))
        }
        return .assured(meter: String(meter), sums)
    }

    /// Reads `2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z: rebooted`.
    private static func gap(_ text: String) -> MeteringCaveat? {
        guard let (times, reason) = text[...].halves(at: ": "),
            let (since, until) = times.halves(at: " to "),
            let since = Instant(rfc3339: String(since)), let until = Instant(rfc3339: String(until))
        else { return nil }
        return .gap(since: since, until: until, reason: String(reason))
    }

    /// Reads `/web: from 2026-11-01T00:00:00Z until 2026-11-02T00:00:00Z, root_vanished`.
    ///
    /// It is read from its end, because a container's name may look like any of this.
    private static func unmetered(_ text: String) -> MeteringCaveat? {
        guard let (head, reason) = text[...].halves(atLast: ", "),
            let (start, until) = head.halves(atLast: "until "),
            let until = Instant(rfc3339: String(until))
        else { return nil }
        var (container, since) = (start, Instant?.none)
        if let (name, time) = start.halves(atLast: "from "), time.last == " ",
            let instant = Instant(rfc3339: String(time.dropLast()))
        {
            (container, since) = (name, instant)
        }
        guard container.hasSuffix(": ") else { return nil }
        return .unmetered(
            container: String(container.dropLast(2)), since: since, until: until,
            reason: String(reason))
    }

    /// Reads `/web: cpu, memory not measured from A to B (cpu.stat: malformed, line 1)`.
    private static func unmeasured(_ text: String) -> MeteringCaveat? {
        let isMadeGood = text.hasSuffix(madeGood)
        let sentence = isMadeGood ? text.dropLast(madeGood.count) : text[...]
        guard sentence.last == ")",
            let (head, tail) = sentence.dropLast().halves(at: " not measured from "),
            let (container, meters) = head.halves(atLast: ": "),
            let (times, why) = tail.halves(at: " ("), let (since, until) = times.halves(at: " to "),
            let since = Instant(rfc3339: String(since)),
            let until = Instant(rfc3339: String(until)),
            let (file, found) = why.halves(at: ": "), let (reason, detail) = found.halves(at: ", ")
        else { return nil }
        let names = meters.split(separator: ", ", omittingEmptySubsequences: false).map(String.init)
        return .unmeasured(
            UnmeasuredMeters(
                container: String(container), meters: names, since: since, until: until,
                file: String(file), reason: String(reason), detail: String(detail),
                isMadeGood: isMadeGood))
    }
}

extension Substring {
    /// The parts before and after the first occurrence of a separator; `nil` without one.
    fileprivate func halves(at separator: String) -> (Substring, Substring)? {
        firstRange(of: separator).map { (self[..<$0.lowerBound], self[$0.upperBound...]) }
    }

    /// The parts before and after the last occurrence of a separator; `nil` without one.
    fileprivate func halves(atLast separator: String) -> (Substring, Substring)? {
        ranges(of: separator).last.map { (self[..<$0.lowerBound], self[$0.upperBound...]) }
    }
}
