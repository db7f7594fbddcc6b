/// What went wrong, in three parts: where, what was found, what to do.
public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The class of a fault.
    ///
    /// It decides the exit code of the command.
    public enum Kind: Int32, Sendable {
        case failed = 1
        /// The command line itself is wrong (sysexits `EX_USAGE`).
        case wrongUse = 64
        /// A file, a row or a store holds something that cannot be taken (`EX_DATAERR`).
        case badData = 65
        /// A part that is needed is not there: a mount, a controller, a store (`EX_UNAVAILABLE`).
        case unavailable = 69
        /// The kernel or the file system refuses this user (`EX_NOPERM`).
        case notPermitted = 77
    }

    public var kind: Kind
    /// A path, with line or row where there is one.
    public var location: String
    public var problem: String
    public var suggestion: String

    /// A part that repeats a foreign text keeps its ends, and is harmless: a complaint is a screen at
    /// most, and one line, whatever lies in the file it is about.
    public init(_ kind: Kind, at location: String, problem: String, suggestion: String) {
        self.kind = kind
        self.location = Self.part(location, to: 500)
        self.problem = Self.part(problem, to: 800)
        self.suggestion = Self.part(suggestion, to: 500)
    }

    /// Shortened twice: an escaped character is longer than what it stands for.
    private static func part(_ text: String, to limit: Int) -> String {
        shortened(escapingControlCharacters(shortened(text, to: limit)), to: limit)
    }

    public var description: String { "\(location): \(problem). \(suggestion)." }

    /// The same fault, its place put inside a larger one: `line 3` becomes `prices.yaml:3`.
    public func within(_ outer: String) -> Fault {
        Fault(kind, at: outer + location, problem: problem, suggestion: suggestion)
    }
}
