/// A generated text of io.stat, and what a parser must find in it.
public struct MadeUpDisks: Sendable {
    /// One device with its counters.
    public struct Disk: Sendable {
        public var name: String
        /// rbytes, wbytes, rios and wios, in this order; empty for a device that was never used.
        public var counters: [Int64]

        public init(_ name: String, _ counters: [Int64] = []) {
            (self.name, self.counters) = (name, counters)
        }
    }

    /// How a text may be damaged.
    public enum Damage: CaseIterable, Sendable {
        case nothing
        /// The text is cut off somewhere.
        case torn
        /// The value of one counter is not a number that fits 64 bits.
        case oddValue
        /// One line names no device.
        case oddLine
    }

    public static let keys = ["rbytes", "wbytes", "rios", "wios"]

    public var text = ""
    /// The counters that must be read, by device and key.
    ///
    /// The counters of a device without figures are 0.
    public var values: [String: [String: Int64]] = [:]
    /// Devices that were never used.
    public var unused: Set<String> = []
    /// Whether the text is complete; if it is not, no device may be taken for removed.
    public var isWhole = true
    /// Whether the parser must report something as odd.
    public var isOdd = false

    /// - Parameters:
    ///   - disks: in any order.
    ///   - sharesLines: whether devices without figures are printed as by Linux 5.15 and 5.16: on the line of
    ///     the next device, the last one without a newline.
    public init(
        _ disks: [Disk], sharesLines: Bool, damage: Damage, using random: inout SeededRandom
    ) {
        let disks = disks.shuffled(using: &random)
        let victim = disks.filter { !$0.counters.isEmpty }.randomElement(using: &random)
        for disk in disks {
            values[disk.name] = Dictionary(
                uniqueKeysWithValues: Self.keys.enumerated().map {
                    ($1, disk.counters.isEmpty ? 0 : disk.counters[$0])
                })
            guard !disk.counters.isEmpty else {
                unused.insert(disk.name)
                let isBare = !sharesLines && Bool.random(using: &random)
                text += disk.name + (isBare ? "\n" : sharesLines ? " " : " \n")
                continue
            }
            var odd: String?
            if damage == .oddValue, disk.name == victim?.name {
                odd = Self.keys.randomElement(using: &random)
                isOdd = true
            }
            text += disk.name + " " + Self.figures(disk, odd, &random) + "\n"
            if let odd { values[disk.name]?[odd] = nil }
            if Int.random(in: 0..<5, using: &random) == 0 { text += "\n" }
        }
        if let last = text.utf8.last, last != UInt8(ascii: "\n") {
            // The text may be cut off there, so nothing is expected of that device.
            isWhole = false
            if let name = disks.last?.name { values[name] = nil }
        }
        switch damage {
        case .nothing, .oddValue: break
        case .oddLine:
            let line = [
                "garbage", "8 rbytes=1", ":0", "8: wbytes=2", "rbytes=7", "8:0\trbytes=7",
                "cost.usage=5",
            ]
            // After a device without a newline, this text would be part of that device's line.
            text = (line.randomElement(using: &random) ?? "x") + "\n" + text
            (isWhole, isOdd) = (false, true)
        case .torn: tear(&random)
        }
    }

    private static func figures(
        _ disk: Disk, _ odd: String?, _ random: inout SeededRandom
    ) -> String {
        // A value that runs into a device would make two lines one, and the whole line would be lost.
        let wrong = oddNumbers.filter { !$0.contains(" ") }.randomElement(using: &random) ?? ""
        var words = keys.enumerated().map { index, key in
            key + "=" + (key == odd ? wrong : String(disk.counters[index]))
        }
        let foreign = [
            "dbytes=0", "dios=18446744073709551615", "cost.usage=1.5", "use_delay=-1", "depth=max",
            "avg_lat=", "new=8:0", "xrbytes=5",
        ]
        words += foreign.filter { _ in Bool.random(using: &random) }
        return words.shuffled(using: &random).joined(separator: " ")
    }

    /// Cuts off the end; whole lines stay as expected, and nothing is expected of the torn line.
    private mutating func tear(_ random: inout SeededRandom) {
        let bytes = Array(text.utf8)
        // A text that is cut at the end of a line, or after a device, would look complete.
        let places = bytes.indices.dropLast().filter {
            bytes[$0] != UInt8(ascii: "\n") && bytes[$0] != UInt8(ascii: " ")
        }
        guard let last = places.randomElement(using: &random) else { return }
        text = String(decoding: bytes[...last], as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let whole = lines.dropLast().joined(separator: "\n")
        let names = whole.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
        for name in values.keys where !names.contains(name) { values[name] = nil }
        (isWhole, isOdd) = (false, true)
    }
}
