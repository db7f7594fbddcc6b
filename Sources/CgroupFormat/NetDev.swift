/// The byte counters of the interfaces of one network namespace, but for the loopback.
public struct NetDev: Hashable, Sendable {
    /// What one interface received and sent.
    public struct Counters: Hashable, Sendable {
        public var receivedBytes: Int64
        public var sentBytes: Int64

        public init(receivedBytes: Int64, sentBytes: Int64) {
            (self.receivedBytes, self.sentBytes) = (receivedBytes, sentBytes)
        }
    }

    /// By the interface's name, printable ASCII with other bytes as `\xHH`.
    public var interfaces: [String: Counters]
    /// Interfaces that are there and whose counters could not be read.
    public var unread: Set<String> = []
    /// Whether the text may lack interfaces: it was cut off, or has a line without a name.
    public var isPartial = false
    /// The lines that could not be taken, by interface.
    public var odd = OddLines()

    public init(interfaces: [String: Counters]) { self.interfaces = interfaces }

    /// Parses `/proc/PID/net/dev` (proc_pid_net(5)): two lines of headings, then
    /// `name: rx_bytes … tx_bytes …` with eight columns each.
    ///
    /// An odd line costs its interface only.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        interfaces = [:]
        var cursor = LineCursor()
        while let line = cursor.next(in: text) {
            if cursor.line <= 2 { continue }
            var position = line.lowerBound
            guard nextWord(text, line, from: &position) != nil else { continue }
            take(line, cursor, text)
        }
        guard cursor.line >= 2 else { throw emptyFile }
    }

    private mutating func take(_ line: Range<Int>, _ cursor: LineCursor, _ text: Span<UInt8>) {
        if cursor.isTorn { isPartial = true }
        guard let colon = lastIndex(of: UInt8(ascii: ":"), in: text, line) else {
            isPartial = true
            note("a line of no interface", line, cursor, text)
            return
        }
        var start = line.lowerBound
        while start < colon, text[start] == UInt8(ascii: " ") { start += 1 }
        if matches(text, start..<colon, "lo") { return }
        var name = ""
        for index in start..<colon { name += printable(text[index]) }
        let counters = cursor.isTorn ? nil : Counters(text, colon + 1..<line.upperBound)
        let known = interfaces[name]
        if let counters, !unread.contains(name), known == nil || known == counters {
            interfaces[name] = counters
            return
        }
        interfaces[name] = nil
        if unread.insert(name).inserted { note(name, line, cursor, text) }
    }

    private mutating func note(
        _ subject: String, _ line: Range<Int>, _ cursor: LineCursor, _ text: Span<UInt8>
    ) {
        odd.add(
            subject,
            FormatError(
                line: cursor.line, found: quoted(text, line),
                expected: "\"interface: 16 unsigned integers\", each once"))
    }
}

extension NetDev.Counters {
    /// Takes columns 1 and 9; the others may hold anything.
    fileprivate init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        var position = range.lowerBound
        var column = 0
        var (received, sent): (Int64?, Int64?)
        while let word = nextWord(text, range, from: &position) {
            if column == 0 { received = number(text, word) }
            if column == 8 { sent = number(text, word) }
            column += 1
        }
        guard let received, let sent else { return nil }
        self.init(receivedBytes: received, sentBytes: sent)
    }
}
