/// The text of an io.stat, and what is true of it.
public struct MadeUpDisks: Sendable {
    /// One device as the kernel counts it.
    public struct Disk: Sendable {
        public var name: String
        /// rbytes, wbytes, rios and wios; empty for a device that was never used.
        public var counters: [Int64]

        public init(_ name: String, _ counters: [Int64] = []) {
            (self.name, self.counters) = (name, counters)
        }
    }

    /// How a text may be damaged.
    public enum Damage: CaseIterable, Sendable {
        case nothing
        /// It lost its end, anywhere.
        case torn
        /// One value of a counter is none.
        case oddValue
        /// A line that names no device stands in it.
        case oddLine
    }

    public static let keys = ["rbytes", "wbytes", "rios", "wios"]

    public var text = ""
    /// The counters that have to be read, by device and key.
    ///
    /// Those of a device without figures are 0.
    public var values: [String: [String: Int64]] = [:]
    /// Devices that were never used.
    public var unused: Set<String> = []
    /// Whether the text says all there is to say: else no device may be taken for gone.
    public var isWhole = true
    /// Whether something of it has to be named.
    public var isOdd = false

    /// - Parameters:
    ///   - disks: in any order.
    ///   - sharesLines: as Linux 5.15 and 5.16 print devices without figures: on the line of the next
    ///     one, the last without a newline.
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
            // It may as well be cut off there, so nothing is said of that device.
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
            // Behind a device that waits for the line of the next one, it would be that one's.
            text = (line.randomElement(using: &random) ?? "x") + "\n" + text
            (isWhole, isOdd) = (false, true)
        case .torn: tear(&random)
        }
    }

    private static func figures(
        _ disk: Disk, _ odd: String?, _ random: inout SeededRandom
    ) -> String {
        // A value that runs into a device would be two lines in one, and cost the whole of it.
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

    /// Cuts the end off; what was on whole lines stays true, and of the torn line nothing is said.
    private mutating func tear(_ random: inout SeededRandom) {
        let bytes = Array(text.utf8)
        // At the end of a line, or behind a device, it would look whole.
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
