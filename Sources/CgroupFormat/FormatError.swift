/// Kernel text that does not have the documented form.
///
/// It knows no path: whoever read the file adds it.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line number, counted from 1; 0 if the file as a whole is wrong.
    public let line: Int
    /// What was found, quoted and shortened.
    public let found: String
    /// What the documentation promises there.
    public let expected: String

    public init(line: Int, found: String, expected: String) {
        (self.line, self.found, self.expected) = (line, found, expected)
    }

    /// Such as `line 2: found "usage_usec x", expected "usage_usec N"`.
    public var description: String {
        (line == 0 ? "" : "line \(line): ") + "found \(found), expected \(expected)"
    }
}
