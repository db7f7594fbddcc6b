/// A pattern for paths.
///
/// `?` matches one byte and `*` any number of bytes, but neither matches `/`. `**` matches any
/// number of bytes, `/` included. Everything else stands for itself. Example: `/a/*` matches `/a/b`
/// but not `/a/b/c`, and `/a/**` matches both. Matching takes time proportional to pattern × text,
/// also for hostile patterns.
public struct Glob {
    private let pattern: [UInt8]

    public init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

    /// Whether the pattern matches the whole text.
    public func matches(_ text: String) -> Bool { ends(in: Array(text.utf8)).last ?? false }

    /// Whether it matches a container that includes all below it.
    ///
    /// It does if it matches the path of the container, or anything directly in it, since whatever
    /// that is belongs to the container.
    ///
    /// - Parameter inner: the name of a cgroup in it that the runtime made, not the workload.
    func matches(container path: String, inner: String?) -> Bool {
        let own = path.utf8.count
        let below = inner.map { "\(path)/\($0)/" } ?? "\(path)/"
        let reached = ends(in: Array(below.utf8))
        let last = reached.count - 1
        return reached[own] || reached[own + 1] || reached[last - 1] || reached[last]
    }

    /// Matches all beginnings of the text at once.
    ///
    /// - Returns: for each length from 0 on, whether the pattern matches the first bytes of that
    ///   length.
    private func ends(in text: [UInt8]) -> [Bool] {
        var reached = [true] + [Bool](repeating: false, count: text.count)
        var index = 0
        while index < pattern.count {
            let isStar = pattern[index] == UInt8(ascii: "*")
            let isDeep = isStar && index + 1 < pattern.count && pattern[index + 1] == pattern[index]
            var next = [Bool](repeating: false, count: reached.count)
            for end in reached.indices {
                if isStar {
                    // A star matches nothing, or one more byte than before.
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
