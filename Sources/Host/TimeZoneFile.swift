import Glibc
import Units

/// Reads a zone of the host's time zone database.
///
/// - Throws: for an unknown zone, and for one that is not quarters of an hour from UTC, as none has been
///   since 1972.
public func billingZone(_ name: String) throws(Fault) -> BillingZone {
    if name == "UTC" { return .utc }
    let isName = name.utf8.allSatisfy { byte in
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
            || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "/_+-".utf8.contains(byte)
    }
    let folder = getenv("TZDIR").map { String(cString: $0) } ?? "/usr/share/zoneinfo"
    func fault(_ found: String, _ suggestion: String) -> Fault {
        Fault(
            .badData, at: "time_zone \"\(escapingControlCharacters(name))\"", problem: found,
            suggestion: suggestion)
    }
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
    // What was before this century is not billed.
    let first = offsets.lastIndex { $0.since <= Instant(seconds: 946_684_800) } ?? 0
    let recent = Array(offsets[first...])
    guard recent.allSatisfy({ $0.seconds % 900 == 0 }) else {
        throw fault("it is not quarters of an hour from UTC", "Choose another zone")
    }
    return BillingZone(name: name, offsets: recent)
}

/// A file of the time zone database (RFC 8536), version 2 or later.
struct TimeZoneFile {
    private var transitions: [BillingZone.Offset] = []
    private var rule: ZoneRule?
    private var isUnknownRule = false

    /// `nil` if it is no such file.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        // The first block holds 32-bit times, which the second has again in 64 bits.
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
        guard reader.skip(new.chars + new.leaps * 12 + new.standards + new.universals + 1),
            let initial = kinds.first, types.allSatisfy(kinds.indices.contains)
        else { return nil }
        transitions = [.init(since: Instant(seconds: -62_135_596_800), seconds: initial)]
        transitions += zip(times, types).map {
            .init(since: Instant(seconds: $0), seconds: kinds[$1])
        }
        let footer = reader.rest().prefix { $0 != UInt8(ascii: "\n") }
        rule = ZoneRule(String(decoding: footer, as: UTF8.self))
        isUnknownRule = rule == nil && footer.contains(UInt8(ascii: ","))
    }

    /// The offsets up to the year 2200; `nil` if what comes after the last is of an unknown kind.
    func offsets() -> [BillingZone.Offset]? {
        guard !isUnknownRule else { return nil }
        guard let rule, let last = transitions.last else { return transitions }
        return transitions + (1970...2200).flatMap(rule.changes).filter { $0.since > last.since }
    }
}

private struct Reader {
    let bytes: [UInt8]
    var position = 0

    struct Header {
        var (universals, standards, leaps, times, types, chars) = (0, 0, 0, 0, 0, 0)

        func length(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + chars + leaps * (timeSize + 4) + standards
                + universals
        }
    }

    mutating func header() -> Header? {
        guard bytes.count >= position + 44,
            bytes[position..<(position + 4)].elementsEqual("TZif".utf8),
            bytes[position + 4] >= UInt8(ascii: "2")
        else { return nil }
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

    mutating func skip(_ count: Int) -> Bool {
        position += count
        return position <= bytes.count
    }

    /// A big-endian whole number with a sign; 0 behind the end.
    mutating func number(_ size: Int) -> Int64 {
        guard position + size <= bytes.count else { return 0 }
        var value: Int64 = size > 1 && bytes[position] > 127 ? -1 : 0
        for byte in bytes[position..<(position + size)] { value = value << 8 | Int64(byte) }
        position += size
        return value
    }

    func rest() -> ArraySlice<UInt8> { bytes[min(position, bytes.count)...] }
}
