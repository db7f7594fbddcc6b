/// Kernel text that does not have the shape its documentation gives it.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line, counted from 1; 0 where the file as a whole is wrong.
    public let line: Int
    public let found: String
    public let expected: String

    public init(line: Int, found: String, expected: String) {
        (self.line, self.found, self.expected) = (line, found, expected)
    }

    public var description: String {
        (line == 0 ? "" : "line \(line): ") + "found \(found), expected \(expected)"
    }
}
