/// A block device by the numbers the kernel prints, `8:0`.
public struct DeviceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let major: Int64
    public let minor: Int64

    public init(major: Int64, minor: Int64) { (self.major, self.minor) = (major, minor) }

    /// Reads `8:0`; `nil` if the text is no such pair.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span, 0..<bytes.count)
    }

    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        guard let colon = firstIndex(of: UInt8(ascii: ":"), in: text, range),
            let major = number(text, range.lowerBound..<colon),
            let minor = number(text, colon + 1..<range.upperBound)
        else { return nil }
        self.init(major: major, minor: minor)
    }

    public var description: String { "\(major):\(minor)" }

    public static func < (a: DeviceNumber, b: DeviceNumber) -> Bool {
        (a.major, a.minor) < (b.major, b.minor)
    }
}

/// The counters of one device; `nil` where the kernel printed none, or what it printed is odd.
public struct IOCounters: Hashable, Sendable {
    /// Counters of which it is not known what the kernel counted.
    public struct Unread: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let readBytes = Unread(rawValue: 1)
        public static let writeBytes = Unread(rawValue: 2)
        public static let readOps = Unread(rawValue: 4)
        public static let writeOps = Unread(rawValue: 8)
        public static let all = Unread(rawValue: 15)
    }

    public var readBytes: Int64?
    public var writeBytes: Int64?
    public var readOps: Int64?
    public var writeOps: Int64?
    /// Those that are `nil` because they could not be read; the others that are `nil` have not
    /// moved from 0 yet.
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

/// The kernel file `io.stat` (cgroup-v2.rst, "IO Interface Files").
///
/// Every `major:minor` starts a device, wherever it stands: Linux 5.15 and 5.16 print devices without
/// figures on the line of the next one, and the last such line without a newline. A device that
/// went away has no line. An empty file is right: no device was used yet.
///
/// An odd value costs its counter, an odd line its device. A device that is there twice counts once
/// if both say the same, else it is odd.
public struct IOStat: Hashable, Sendable {
    /// How far the text tells of all devices.
    public enum Completeness: Hashable, Sendable {
        case whole
        /// It ends in a device without figures and without a newline, as some kernels' texts do;
        /// or it was cut off just there.
        case endsIn(DeviceNumber)
        /// It was cut off, or has lines that tell of no device: what lacks may be there.
        case partial
    }

    public var devices: [DeviceNumber: IOCounters] = [:]
    /// Lines whose device the kernel could not name.
    public var unknownDevices = 0
    public private(set) var completeness = Completeness.whole
    /// Devices and counters that could not be taken.
    public private(set) var odd = OddLines()

    public init(parsing text: Span<UInt8>) {
        var cursor = LineCursor()
        while let line = cursor.next(in: text) { read(line, cursor, text) }
    }

    /// What a stretch of a line is about.
    private enum Section {
        /// The line's beginning.
        case none
        case unknown
        case device(DeviceNumber, Range<Int>)
    }

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
            // A word that is cut off tells nothing; nor does the last of a text that is.
            if cursor.isTorn, word.upperBound == line.upperBound { continue }
            if !counters.take(text, word) { isOdd = true }
        }
        guard cursor.isTorn else {
            end(section, counters, isOdd: isOdd, hasFigures: hasFigures, cursor, text, line)
            return
        }
        endTorn(section, hasFigures: hasFigures, cursor, text, line)
    }

    /// Takes what a line says of one device.
    private mutating func end(
        _ section: Section, _ counters: IOCounters, isOdd: Bool, hasFigures: Bool,
        _ cursor: LineCursor, _ text: Span<UInt8>, _ line: Range<Int>
    ) {
        switch section {
        case .unknown:
            unknownDevices += 1
            // Nobody can tell whose counters these are, so they are named and not billed.
            if isOdd || counters.hasUse { note("a device without a number", cursor, text, line) }
        case .none:
            guard hasFigures else { return }
            completeness = .partial
            note("a line of no device", cursor, text, line)
        case .device(let device, _):
            if isOdd || devices[device].map({ !$0.agrees(with: counters) }) ?? false {
                devices[device] = .unreadable
                // Another device may be hidden in what is odd.
                completeness = .partial
                note("\(device)", cursor, text, line)
            } else {
                devices[device] = devices[device].map { $0.hasFigures ? $0 : counters } ?? counters
                for name in counters.oddNames { note("\(device) \(name)", cursor, text, line) }
            }
        }
    }

    /// Takes the end of a line that has no newline: its last device is not known in this reading.
    private mutating func endTorn(
        _ section: Section, hasFigures: Bool, _ cursor: LineCursor, _ text: Span<UInt8>,
        _ line: Range<Int>
    ) {
        if case .device(let device, let word) = section, word.upperBound < line.upperBound {
            devices[device] = .unreadable
            // That kernel's text ends in a blank behind the device.
            if !hasFigures {
                if completeness == .whole { completeness = .endsIn(device) }
                return
            }
            note("\(device)", cursor, text, line)
        } else {
            // A number at the very end may have lost digits, so it names no device.
            note("the last line", cursor, text, line)
        }
        completeness = .partial
    }

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
    fileprivate var hasFigures: Bool { self != IOCounters() }

    /// Whether it may count anything.
    fileprivate var hasUse: Bool {
        !unread.isEmpty
            || [readBytes, writeBytes, readOps, writeOps].contains { $0 ?? 0 != 0 }
    }

    /// Whether a second line of the same device leaves no doubt.
    fileprivate func agrees(with other: IOCounters) -> Bool {
        self == other || !hasFigures || !other.hasFigures
    }

    /// The kernel's names of those that could not be read.
    fileprivate var oddNames: [String] {
        let names: [(Unread, String)] = [
            (.readBytes, "rbytes"), (.writeBytes, "wbytes"), (.readOps, "rios"),
            (.writeOps, "wios"),
        ]
        return names.filter { unread.contains($0.0) }.map(\.1)
    }

    /// Takes one word, `rbytes=1`; keys that are not used may hold any value.
    ///
    /// - Returns: false if the whole line cannot be trusted: the word is no pair, its key was there
    ///   before, or its value runs into another device, so that two lines are one.
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
