/// A pattern over paths: `?` and `*` stay within one name, `**` crosses any number of them.
public struct Glob {
    private let pattern: [UInt8]

    public init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

    public func matches(_ text: String) -> Bool {
        let text = Array(text.utf8)
        // reached[j]: the pattern so far can end after j bytes of the text.
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
        return reached.last ?? false
    }

    private var slash: UInt8 { UInt8(ascii: "/") }
}
