/// A pattern over paths: `?` and `*` stay within one name, `**` crosses any number of them.
public struct Glob {
    private let pattern: [UInt8]

    public init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

    public func matches(_ text: String) -> Bool { ends(in: Array(text.utf8)).last ?? false }

    /// Whether it matches a container with all below it, by its path or by what lies right in it:
    /// whatever that is, it is the container's.
    ///
    /// - Parameter inner: a cgroup that the runtime, not the workload, made in it.
    func matches(container path: String, inner: String?) -> Bool {
        let own = path.utf8.count
        let below = inner.map { "\(path)/\($0)/" } ?? "\(path)/"
        let reached = ends(in: Array(below.utf8))
        let last = reached.count - 1
        return reached[own] || reached[own + 1] || reached[last - 1] || reached[last]
    }

    /// For each length, whether the pattern matches that much of the text from its beginning.
    private func ends(in text: [UInt8]) -> [Bool] {
        var reached = [true] + [Bool](repeating: false, count: text.count)
        var index = 0
        while index < pattern.count {
            let isStar = pattern[index] == UInt8(ascii: "*")
            let isDeep = isStar && index + 1 < pattern.count && pattern[index + 1] == pattern[index]
            var next = [Bool](repeating: false, count: reached.count)
            for end in reached.indices {
                if isStar {
                    next[end] = reached[end]
                    if end > 0, next[end - 1], isDeep || text[end - 1] != slash { next[end] = true }
                } else if end > 0, reached[end - 1] {
                    next[end] =
                        pattern[index] == text[end - 1]
                        || (pattern[index] == UInt8(ascii: "?") && text[end - 1] != slash)
                }
            }
            reached = next
            index += isDeep ? 2 : 1
        }
        return reached
    }

    private var slash: UInt8 { UInt8(ascii: "/") }
}
