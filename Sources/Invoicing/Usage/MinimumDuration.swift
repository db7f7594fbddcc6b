import Pricing
import Units

/// Raises the quantities of short-lived containers to the minimum duration of their price.
///
/// A container that lived `life` seconds is billed `quantity × minimum ÷ life`, rounded up.
/// Example: 5 units, a life of 10 s and a minimum of 60 s come to 30 units.
///
/// Consecutive segments of one price book version in a month are rounded up together, once. So it
/// does not matter where the month is cut into invoices: each segment gets the raised sum up to its
/// end, minus the raised sum up to its start.
public struct MinimumDuration {
    /// Quantities that are summed before they are raised.
    private struct Key: Hashable {
        var run: Int
        var meter: String
        var isUnreserved: Bool
    }

    private let segments: [Segment]
    /// The run of each segment: consecutive segments of one version and month have the same number.
    private let runs: [Int]
    /// The container that `sums` belong to.
    private var container: Int64?
    /// The quantities of that container so far, before they are raised.
    private var sums: [Key: Int128] = [:]

    /// - Parameter segments: in order of time.
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

    /// The billable quantity for a quantity of one container in one segment.
    ///
    /// - Precondition: the calls for a container follow one another, in order of time.
    ///
    /// - Parameters:
    ///   - quantity: in base units, as metered.
    ///   - segment: the place of the segment.
    ///   - span: the container and its `life`. Without a `life` the quantity is returned unchanged.
    /// - Returns: the quantity, raised if the container's life was shorter than the minimum.
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
