/// A block device by its major and minor number, which the kernel prints as `8:0`.
public struct DeviceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of the driver.
    public let major: Int64
    /// The number of the device within its driver.
    public let minor: Int64

    public init(major: Int64, minor: Int64) { (self.major, self.minor) = (major, minor) }

    /// Reads `8:0`; `nil` if the text is not such a pair.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span, 0..<bytes.count)
    }

    /// The same from a range of a kernel file.
    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        guard let colon = firstIndex(of: UInt8(ascii: ":"), in: text, range),
            let major = number(text, range.lowerBound..<colon),
            let minor = number(text, colon + 1..<range.upperBound)
        else { return nil }
        self.init(major: major, minor: minor)
    }

    /// The pair as the kernel prints it.
    public var description: String { "\(major):\(minor)" }

    /// By major number, then by minor number.
    public static func < (a: DeviceNumber, b: DeviceNumber) -> Bool {
        (a.major, a.minor) < (b.major, b.minor)
    }
}

/// The counters of one device.
///
/// A counter is `nil` if the kernel printed none, or if it could not be read; `unread` says which.
public struct IOCounters: Hashable, Sendable {
    /// A set of counters whose value is unknown because they could not be read.
    public struct Unread: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The bit of `rbytes`.
        public static let readBytes = Unread(rawValue: 1)
        /// The bit of `wbytes`.
        public static let writeBytes = Unread(rawValue: 2)
        /// The bit of `rios`.
        public static let readOps = Unread(rawValue: 4)
        /// The bit of `wios`.
        public static let writeOps = Unread(rawValue: 8)
        /// All four counters.
        public static let all = Unread(rawValue: 15)
    }

    /// Bytes read: `rbytes`.
    public var readBytes: Int64?
    /// Bytes written: `wbytes`.
    public var writeBytes: Int64?
    /// Read operations: `rios`.
    public var readOps: Int64?
    /// Write operations: `wios`.
    public var writeOps: Int64?
    /// The counters that are `nil` because they could not be read.
    ///
    /// Any other counter that is `nil` was not printed: it is still at 0.
    public var unread: Unread = []

    public init() {}

    /// Counters of which none could be read.
    public static let unreadable: IOCounters = {
        var counters = IOCounters()
        counters.unread = .all
        return counters
    }()

    public init(readBytes: Int64?, writeBytes: Int64?, readOps: Int64?, writeOps: Int64?) {
        (self.readBytes, self.writeBytes) = (readBytes, writeBytes)
        (self.readOps, self.writeOps) = (readOps, writeOps)
    }
}

/// The kernel file `io.stat`: what a cgroup and all below it read and wrote, by device.
///
/// Source: Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files". An ordinary line is
/// `8:0 rbytes=1024 wbytes=0 rios=2 wios=0 dbytes=0 dios=0`. Only the first four keys are used.
///
/// Every `major:minor` starts a device, wherever it is on the line. Linux 5.15 and 5.16 print a
/// device without figures in front of the next device's line, and without a newline if it is the
/// last device. A device that was removed loses its line. An empty file is valid: no device has
/// been used yet.
///
/// A value that cannot be read costs its counter, and a line that cannot be read costs its device.
/// A device with two lines counts once if both say the same; otherwise it is odd.
public struct IOStat: Hashable, Sendable {
    /// Whether the text can be relied on to list every device.
    public enum Completeness: Hashable, Sendable {
        /// Every device that the kernel has counters for is in the text.
        case whole
        /// The text ends with a device that has neither figures nor a newline.
        ///
        /// Either the kernel is 5.15 or 5.16, which prints such a text, or the text was cut off
        /// exactly there.
        case endsIn(DeviceNumber)
        /// The text was cut off, or a line names no device.
        ///
        /// A device that is missing may still exist.
        case partial
    }

    /// The counters by device.
    ///
    /// A device without a line has no entry.
    public var devices: [DeviceNumber: IOCounters] = [:]
    /// Lines that name their device as `(unknown)` instead of a number.
    ///
    /// The kernel does so for a device that it cannot name.
    public var unknownDevices = 0
    /// Whether devices may be missing from `devices`.
    public private(set) var completeness = Completeness.whole
    /// Devices and counters that could not be read.
    public private(set) var odd = OddLines()

    /// Parses the file.
    ///
    /// It cannot fail: whatever could not be read is in `odd`.
    public init(parsing text: Span<UInt8>) {
        var cursor = LineCursor()
        while let line = cursor.next(in: text) { read(line, cursor, text) }
    }

    /// What the words of a line belong to, up to the next device on it.
    private enum Section {
        /// No device: the beginning of the line.
        case none
        /// A device that is named `(unknown)`.
        case unknown
        /// A device, and where its number is in the text.
        case device(DeviceNumber, Range<Int>)
    }

    /// Reads one line, which may name several devices.
    private mutating func read(_ line: Range<Int>, _ cursor: LineCursor, _ text: Span<UInt8>) {
        var section = Section.none
        var counters = IOCounters()
        var (isOdd, hasFigures) = (false, false)
        var position = line.lowerBound
        while let word = nextWord(text, line, from: &position) {
            let device = DeviceNumber(text, word)
            if device != nil || matches(text, word, "(unknown)") {
                end(section, counters, isOdd: isOdd, hasFigures: hasFigures, cursor, text, line)
                section = device.map { Section.device($0, word) } ?? .unknown
                (counters, isOdd, hasFigures) = (IOCounters(), false, false)
                continue
            }
            hasFigures = true
            // The last word of a text that was cut off may be incomplete, so it is ignored.
            if cursor.isTorn, word.upperBound == line.upperBound { continue }
            if !counters.take(text, word) { isOdd = true }
        }
        guard cursor.isTorn else {
            end(section, counters, isOdd: isOdd, hasFigures: hasFigures, cursor, text, line)
            return
        }
        endTorn(section, hasFigures: hasFigures, cursor, text, line)
    }

    /// Takes the figures of one device, at the end of its part of a line.
    private mutating func end(
        _ section: Section, _ counters: IOCounters, isOdd: Bool, hasFigures: Bool,
        _ cursor: LineCursor, _ text: Span<UInt8>, _ line: Range<Int>
    ) {
        switch section {
        case .unknown:
            unknownDevices += 1
            // Nobody can tell which device these counters belong to. They are reported, not billed.
            if isOdd || counters.hasUse { note("a device without a number", cursor, text, line) }
        case .none:
            guard hasFigures else { return }
            completeness = .partial
            note("a line of no device", cursor, text, line)
        case .device(let device, _):
            if isOdd || devices[device].map({ !$0.agrees(with: counters) }) ?? false {
                devices[device] = .unreadable
                // The part that cannot be read may hide another device.
                completeness = .partial
                note("\(device)", cursor, text, line)
            } else {
                devices[device] = devices[device].map { $0.hasFigures ? $0 : counters } ?? counters
                for name in counters.oddNames { note("\(device) \(name)", cursor, text, line) }
            }
        }
    }

    /// Takes the end of a line without a newline: its last device is unknown in this reading.
    private mutating func endTorn(
        _ section: Section, hasFigures: Bool, _ cursor: LineCursor, _ text: Span<UInt8>,
        _ line: Range<Int>
    ) {
        if case .device(let device, let word) = section, word.upperBound < line.upperBound {
            devices[device] = .unreadable
            // Linux 5.15 and 5.16 end their text with the device and a blank.
            if !hasFigures {
                if completeness == .whole { completeness = .endsIn(device) }
                return
            }
            note("\(device)", cursor, text, line)
        } else {
            // A device number at the very end may have lost digits, so it names no device.
            note("the last line", cursor, text, line)
        }
        completeness = .partial
    }

    /// Reports a line that could not be read.
    private mutating func note(
        _ subject: String, _ cursor: LineCursor, _ text: Span<UInt8>, _ line: Range<Int>
    ) {
        odd.add(
            subject,
            FormatError(
                line: cursor.line,
                found: quoted(text, line) + (cursor.isTorn ? " without a newline" : ""),
                expected: "\"major:minor key=N ...\", each once"))
    }
}

extension IOCounters {
    /// Whether any counter was printed, readable or not.
    fileprivate var hasFigures: Bool { self != IOCounters() }

    /// Whether there may have been any reads or writes.
    fileprivate var hasUse: Bool {
        !unread.isEmpty
            || [readBytes, writeBytes, readOps, writeOps].contains { $0 ?? 0 != 0 }
    }

    /// Whether two lines of the same device do not contradict each other.
    ///
    /// A line without figures contradicts nothing.
    fileprivate func agrees(with other: IOCounters) -> Bool {
        self == other || !hasFigures || !other.hasFigures
    }

    /// The kernel's keys of the counters that could not be read.
    fileprivate var oddNames: [String] {
        let names: [(Unread, String)] = [
            (.readBytes, "rbytes"), (.writeBytes, "wbytes"), (.readOps, "rios"),
            (.writeOps, "wios"),
        ]
        return names.filter { unread.contains($0.0) }.map(\.1)
    }

    /// Takes one word, such as `rbytes=1`.
    ///
    /// Keys that are not used may have any value.
    ///
    /// - Returns: false if the whole line cannot be trusted. That is so if the word is not
    ///   `key=value`, if its key was there before, or if its value contains a colon: then two lines
    ///   have run into one.
    fileprivate mutating func take(_ text: Span<UInt8>, _ word: Range<Int>) -> Bool {
        guard let equals = firstIndex(of: UInt8(ascii: "="), in: text, word) else { return false }
        let key = word.lowerBound..<equals
        let range = equals + 1..<word.upperBound
        if matches(text, key, "rbytes") {
            return Self.set(&readBytes, &unread, .readBytes, text, range)
        } else if matches(text, key, "wbytes") {
            return Self.set(&writeBytes, &unread, .writeBytes, text, range)
        } else if matches(text, key, "rios") {
            return Self.set(&readOps, &unread, .readOps, text, range)
        } else if matches(text, key, "wios") {
            return Self.set(&writeOps, &unread, .writeOps, text, range)
        }
        return true
    }

    /// Sets one counter, or marks it as unread if its value is not a number.
    ///
    /// - Returns: false if the whole line cannot be trusted; see `take`.
    private static func set(
        _ value: inout Int64?, _ unread: inout Unread, _ flag: Unread, _ text: Span<UInt8>,
        _ range: Range<Int>
    ) -> Bool {
        guard value == nil, !unread.contains(flag) else { return false }
        value = number(text, range)
        guard value == nil else { return true }
        unread.insert(flag)
        return firstIndex(of: UInt8(ascii: ":"), in: text, range) == nil
    }
}
