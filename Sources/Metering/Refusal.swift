import CgroupFormat
import Units

/// A reading that no correct kernel gives.
///
/// What it counts is therefore not measured.
public struct Refusal: Hashable, Sendable {
    /// The kernel file of the reading, as absences name it.
    public var file: String
    /// The reason.
    ///
    /// The words stay the same while the problem lasts, because a new text counts as a new event.
    public var detail: String

    public init(_ file: String, _ detail: String) { (self.file, self.detail) = (file, detail) }
}

extension Position {
    /// Removes from a sample the readings that cannot follow the earlier ones.
    ///
    /// What is left is metered. The account stays where it is for the removed counters. Once such a
    /// counter is above its mark again, billing continues: nothing is billed twice, and nothing is
    /// lost.
    ///
    /// - Returns: what was removed, and why.
    public func refuse(from sample: inout Sample) -> [Refusal] {
        refuseCPU(&sample) + refuseIO(&sample) + refuseNetwork(&sample)
    }

    /// Whether a counter rose further in one tick than any host can use.
    func isTooMuch(_ reading: Int64, above last: Int64) -> Bool {
        Int128(reading) - Int128(last) >= Advance.mostInOneTick
    }
}
