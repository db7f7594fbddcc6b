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

    public init(interfaces: [String: Counters]) { self.interfaces = interfaces }

    /// Parses `/proc/PID/net/dev` (proc_pid_net(5)): two lines of headings, then
    /// `name: rx_bytes … tx_bytes …` with eight columns each.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        interfaces = [:]
        var cursor = LineCursor()
        while let line = try cursor.next(in: text) {
            if cursor.line <= 2 { continue }
            guard let colon = lastIndex(of: UInt8(ascii: ":"), in: text, line),
                let counters = Counters(text, colon + 1..<line.upperBound)
            else {
                throw FormatError(
                    line: cursor.line, found: quoted(text, line),
                    expected: "\"interface: 16 unsigned integers\"")
            }
            var start = line.lowerBound
            while start < colon, text[start] == UInt8(ascii: " ") { start += 1 }
            if matches(text, start..<colon, "lo") { continue }
            var name = ""
            for index in start..<colon { name += printable(text[index]) }
            interfaces[name] = counters
        }
        guard cursor.line >= 2 else { throw emptyFile }
    }
}

extension NetDev.Counters {
    /// Takes columns 1 and 9; the kernel prints more than `Int64.max` only after 292 years at
    /// 1 GB/s.
    fileprivate init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        var position = range.lowerBound
        var column = 0
        var (received, sent): (Int64?, Int64?)
        while position < range.upperBound {
            if text[position] == UInt8(ascii: " ") {
                position += 1
                continue
            }
            let rest = position..<range.upperBound
            let end = firstIndex(of: UInt8(ascii: " "), in: text, rest) ?? range.upperBound
            guard let value = number(text, position..<end) else { return nil }
            if column == 0 { received = value }
            if column == 8 { sent = value }
            column += 1
            position = end
        }
        guard let received, let sent else { return nil }
        self.init(receivedBytes: received, sentBytes: sent)
    }
}
