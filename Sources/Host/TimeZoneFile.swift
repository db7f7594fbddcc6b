import Glibc
import Units

/// Reads a zone from the time zone database of this host.
///
/// The database is in the folder `TZDIR`, or else in `/usr/share/zoneinfo`. Example: `try
/// billingZone("Europe/Paris")`.
///
/// - Parameter name: the name of a zone; `UTC` needs no database.
/// - Throws: `badData` for an unknown zone, and for one whose offset since the year 2000 is not a
///   multiple of 15 minutes.
public func billingZone(_ name: String) throws(Fault) -> BillingZone {
    if name == "UTC" { return .utc }
    let isName = name.utf8.allSatisfy { byte in
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
            || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "/_+-".utf8.contains(byte)
    }
    let folder = getenv("TZDIR").map { String(cString: $0) } ?? "/usr/share/zoneinfo"
    /// An error about the name of the zone.
    func fault(_ found: String, _ suggestion: String) -> Fault {
        Fault(
            .badData, at: "time_zone \"\(escapingControlCharacters(name))\"", problem: found,
            suggestion: suggestion)
    }
    // The name becomes part of a path, so it must not lead out of the folder.
    guard isName, !name.isEmpty, !name.hasPrefix("/"),
        let bytes = try? readBytes("\(folder)/\(name)"), let file = TimeZoneFile(bytes)
    else {
        throw fault(
            "no such zone in \(folder)",
            "Write a zone such as Europe/Paris, or install the tzdata package")
    }
    guard let offsets = file.offsets() else {
        throw fault("a rule of another kind than month, week and day", "Choose another zone")
    }
    // Time before the year 2000 is not billed, so older offsets are left out.
    let first = offsets.lastIndex { $0.since <= Instant(seconds: 946_684_800) } ?? 0
    let recent = Array(offsets[first...])
    guard recent.allSatisfy({ $0.seconds % 900 == 0 }) else {
        throw fault("it is not quarters of an hour from UTC", "Choose another zone")
    }
    return BillingZone(name: name, offsets: recent)
}

/// A file of the time zone database, version 2 or later (RFC 8536).
struct TimeZoneFile {
    /// The changes of offset that the file lists, oldest first.
    private var transitions: [BillingZone.Offset] = []
    /// The rule that applies after the last of them; `nil` if the offset then stays the same.
    private var rule: ZoneRule?
    /// Whether the file has a rule in a form that `ZoneRule` does not know.
    private var isUnknownRule = false

    /// Parses a file; `nil` if it is not one of the database.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        // The first block has 32-bit times. The second block has the same again, with 64 bits.
        guard let old = reader.header(), reader.skip(old.length(timeSize: 4)),
            let new = reader.header()
        else { return nil }
        let (times, types, kinds) = (
            (0..<new.times).map { _ in reader.number(8) },
            (0..<new.times).map { _ in
                Int(reader.number(1))
            },
            (0..<new.types).map { _ in
                let offset = reader.number(4)
                _ = reader.number(2)
                return offset
            }
        )
        // Abbreviations, leap seconds and indicators are not needed; one byte more is the newline
        // before the footer.
        guard reader.skip(new.chars + new.leaps * 12 + new.standards + new.universals + 1),
            let initial = kinds.first, types.allSatisfy(kinds.indices.contains)
        else { return nil }
        // From the year 1 on, so that every time has an offset.
        transitions = [.init(since: Instant(seconds: -62_135_596_800), seconds: initial)]
        transitions += zip(times, types).map {
            .init(since: Instant(seconds: $0), seconds: kinds[$1])
        }
        // The footer is the rule, between two newlines.
        let footer = reader.rest().prefix { $0 != UInt8(ascii: "\n") }
        rule = ZoneRule(String(decoding: footer, as: UTF8.self))
        isUnknownRule = rule == nil && footer.contains(UInt8(ascii: ","))
    }

    /// The offsets up to the year 2200, oldest first.
    ///
    /// - Returns: `nil` if the rule after the last change is of an unknown form.
    func offsets() -> [BillingZone.Offset]? {
        guard !isUnknownRule else { return nil }
        guard let rule, let last = transitions.last else { return transitions }
        return transitions + (1970...2200).flatMap(rule.changes).filter { $0.since > last.since }
    }
}

/// Reads big-endian numbers from the bytes of a file.
private struct Reader {
    let bytes: [UInt8]
    var position = 0

    /// The counts in the header of a block.
    struct Header {
        var (universals, standards, leaps, times, types, chars) = (0, 0, 0, 0, 0, 0)

        /// The length of the block's data in bytes (RFC 8536, section 3.2).
        ///
        /// - Parameter timeSize: the bytes of each time: 4 in the first block, 8 in the second.
        func length(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + chars + leaps * (timeSize + 4) + standards
                + universals
        }
    }

    /// Reads the header of a block.
    ///
    /// - Returns: `nil` if there is none of version 2 or later, or if its block is longer than the
    ///   file.
    mutating func header() -> Header? {
        guard bytes.count >= position + 44,
            bytes[position..<(position + 4)].elementsEqual("TZif".utf8),
            bytes[position + 4] >= UInt8(ascii: "2")
        else { return nil }
        // The magic number, the version and 15 unused bytes.
        position += 20
        var header = Header()
        header.universals = Int(number(4))
        header.standards = Int(number(4))
        header.leaps = Int(number(4))
        header.times = Int(number(4))
        header.types = Int(number(4))
        header.chars = Int(number(4))
        return header.length(timeSize: 8) <= bytes.count ? header : nil
    }

    /// Moves forward; false if that is past the end of the file.
    mutating func skip(_ count: Int) -> Bool {
        position += count
        return position <= bytes.count
    }

    /// Reads a signed number of `size` bytes; 0 past the end of the file.
    mutating func number(_ size: Int) -> Int64 {
        guard position + size <= bytes.count else { return 0 }
        var value: Int64 = size > 1 && bytes[position] > 127 ? -1 : 0
        for byte in bytes[position..<(position + size)] { value = value << 8 | Int64(byte) }
        position += size
        return value
    }

    /// All bytes that were not read yet.
    func rest() -> ArraySlice<UInt8> { bytes[min(position, bytes.count)...] }
}
