/// An error for the user, in three parts: where it is, what is wrong, what to do.
///
/// It is printed as `location: problem. suggestion.`, for example:
/// ```
/// prices.yaml:3: "1 GBit" is no quantity. Write a number and a unit, such as 1 GB.
/// ```
public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The class of the error.
    ///
    /// It is the exit code of the command (sysexits(3)).
    public enum Kind: Int32, Sendable {
        /// Any other error: exit code 1.
        case failed = 1
        /// The command line is wrong (`EX_USAGE`).
        case wrongUse = 64
        /// A file, a row or a store contains something unacceptable (`EX_DATAERR`).
        case badData = 65
        /// Something required is missing: a mount, a controller, a store (`EX_UNAVAILABLE`).
        case unavailable = 69
        /// The kernel or the file system refuses access to this user (`EX_NOPERM`).
        case notPermitted = 77
    }

    /// The class of the error, which decides the exit code.
    public var kind: Kind
    /// A path, an option or another place, with the line or row if there is one.
    public var location: String
    /// What is wrong, with the value that was found; no period at the end.
    public var problem: String
    /// What the user can do about it; no period at the end.
    public var suggestion: String

    /// Makes an error.
    ///
    /// Control characters in its parts are escaped, and long parts are shortened. So the error is
    /// always one line and at most a screenful, whatever the file it quotes contains.
    public init(_ kind: Kind, at location: String, problem: String, suggestion: String) {
        self.kind = kind
        self.location = Self.part(location, to: 500)
        self.problem = Self.part(problem, to: 800)
        self.suggestion = Self.part(suggestion, to: 500)
    }

    /// Escapes and shortens one part.
    ///
    /// It is shortened a second time because an escaped character is longer than the original.
    private static func part(_ text: String, to limit: Int) -> String {
        shortened(escapingControlCharacters(shortened(text, to: limit)), to: limit)
    }

    public var description: String { "\(location): \(problem). \(suggestion)." }

    /// The same error with an outer location in front: `line 3` becomes `usage.csv, line 3`.
    ///
    /// A parser does not know the path of what it parses. Its caller adds the path with this
    /// method.
    ///
    /// - Parameter outer: text to put directly before the location, with its separator:
    ///   `usage.csv, `.
    public func within(_ outer: String) -> Fault {
        Fault(kind, at: outer + location, problem: problem, suggestion: suggestion)
    }
}
