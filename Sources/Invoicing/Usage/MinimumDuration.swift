import Pricing
import Units

/// Makes the quantities of short lives up to the minimum duration of their price.
///
/// Segments of one price book version that follow each other in a month make up their sum, once: it
/// does not matter where the month is cut into invoices.
public struct MinimumDuration {
    private struct Key: Hashable {
        var run: Int
        var meter: String
        var isUnreserved: Bool
    }

    private let segments: [Segment]
    /// By segment: equal for those that follow each other in one version and month.
    private let runs: [Int]
    private var container: Int64?
    private var sums: [Key: Int128] = [:]

    public init(_ segments: [Segment]) {
        self.segments = segments
        var (runs, run) = ([Int](), 0)
        for (index, segment) in segments.enumerated() {
            if index > 0 {
                let before = segments[index - 1]
                if before.book != segment.book || before.month != segment.month { run += 1 }
            }
            runs.append(run)
        }
        self.runs = runs
    }

    /// The billable part of a quantity; those of a container come in order of time.
    ///
    /// - Parameter life: the seconds that the container lived; `nil` if that is not known, or long.
    public mutating func billable(
        _ quantity: Int128, of meter: String, isUnreserved: Bool, in segment: Int, _ span: OwnedSpan
    ) -> Int128 {
        let book = segments[segment].book
        guard let life = span.life, let minimum = book.meters[meter]?.minimumSeconds, life < minimum
        else { return quantity }
        if span.container != container { (container, sums) = (span.container, [:]) }
        let key = Key(run: runs[segment], meter: meter, isUnreserved: isUnreserved)
        let before = sums[key, default: 0]
        sums[key] = before + quantity
        return book.billable(before + quantity, meter, life) - book.billable(before, meter, life)
    }
}
