/// The byte counters of all network interfaces of one network namespace, except the loopback.
///
/// Source: `/proc/PID/net/dev`, proc_pid_net(5).
public struct NetDev: Hashable, Sendable {
    /// What one interface received and sent since it was created.
    public struct Counters: Hashable, Sendable {
        /// Bytes received: column 1.
        public var receivedBytes: Int64
        /// Bytes sent: column 9.
        public var sentBytes: Int64

        public init(receivedBytes: Int64, sentBytes: Int64) {
            (self.receivedBytes, self.sentBytes) = (receivedBytes, sentBytes)
        }
    }

    /// The counters by interface name.
    ///
    /// Bytes that are not printable ASCII become `\xHH` in the name.
    public var interfaces: [String: Counters]
    /// Interfaces that exist and whose counters could not be read.
    public var unread: Set<String> = []
    /// Whether interfaces may be missing: the text was cut off, or a line has no name.
    public var isPartial = false
    /// The lines that could not be read, by interface.
    public var odd = OddLines()

    /// A reading in which every interface could be read.
    public init(interfaces: [String: Counters]) { self.interfaces = interfaces }

    /// Parses the file: two heading lines, then one line for each interface.
    ///
    /// A line is `name: rx_bytes … tx_bytes …`, with eight columns for each direction. A line that
    /// cannot be read costs only its interface.
    ///
    /// - Throws: `FormatError` if the headings are missing.
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

    /// Takes the line of one interface.
    ///
    /// If an interface has two lines that differ, nobody can tell which is right, and it is unread.
    /// The name ends at the last colon, as the counters after it contain none.
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

    /// Reports a line that could not be read.
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
    /// Reads columns 1 and 9.
    ///
    /// The other columns may contain anything.
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
