import CgroupFormat
import TestSupport
import Testing

/// Kernel text that no kernel prints: parsers give a value or say what is wrong, and never more.
@Suite struct FuzzTests {
    private static let samples = [
        "usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\nnr_throttled 3\nthrottled_usec 99\n",
        "anon 4096\nfile 8192\nkernel 512\nsock 0\nshmem 1\ninactive_file 77\n",
        "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:7\n252:0 \n(unknown) rbytes=1\n",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2\n",
        "Inter-| Receive\n face |bytes\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        "populated 1\nfrozen 0\n", "max 100000\n", "18446744073709551615\n", "max\n",
        "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n", "frozen_usec 5\n",
    ]

    /// Runs every parser over the bytes.
    ///
    /// - Returns: how many gave a value.
    private func parseAll(_ bytes: [UInt8]) -> Int {
        var values = 0
        // What is quoted of hostile text must be harmless itself.
        func look(_ said: String) {
            #expect(said.utf8.count < 600)
            #expect(said.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
        }
        func run<Value>(_ parse: (Span<UInt8>) throws(FormatError) -> Value) {
            do throws(FormatError) {
                _ = try parse(bytes.span)
                values += 1
            } catch {
                look(error.description)
            }
        }
        run { text throws(FormatError) in try CPUStat(parsing: text) }
        run { text throws(FormatError) in try MemoryStat(parsing: text) }
        run { text in IOStat(parsing: text) }
        run { text throws(FormatError) in try Pressure(parsing: text) }
        run { text throws(FormatError) in try NetDev(parsing: text) }
        run { text throws(FormatError) in try CgroupEvents(parsing: text) }
        run { text throws(FormatError) in try MemoryEvents(parsing: text) }
        run { text throws(FormatError) in try CPUMax(parsing: text) }
        run(parseGauge)
        run(parseLimit)
        run(parseFrozen)
        look(IOStat(parsing: bytes.span).odd.description)
        look((try? CPUStat(parsing: bytes.span))?.odd.description ?? "")
        look((try? MemoryStat(parsing: bytes.span))?.odd.description ?? "")
        look((try? NetDev(parsing: bytes.span))?.odd.description ?? "")
        look((try? Pressure(parsing: bytes.span))?.odd.description ?? "")
        return values
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func brokenTextIsAValueOrAReason(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var values = 0
        for _ in 0..<2000 {
            var bytes = Array((Self.samples.randomElement(using: &random) ?? "").utf8)
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                mutate(&bytes, &random)
            }
            values += parseAll(bytes)
        }
        #expect(values > 0)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.insert(.random(in: 0...255, using: &random), at: place)
        case 1: bytes.removeSubrange(place...)
        case 2 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
        case 3: bytes.insert(contentsOf: "9999999999999999999".utf8, at: place)
        case 4:
            bytes.insert(contentsOf: [0x0A, 0x20, 0x3D, 0x3A].shuffled(using: &random), at: place)
        default: bytes += bytes.prefix(place)
        }
    }

    @Test func everyByteAloneAndEveryPrefixIsTaken() {
        for byte in UInt8.min...UInt8.max { _ = parseAll([byte]) }
        for sample in Self.samples {
            let bytes = Array(sample.utf8)
            for length in 0...bytes.count { _ = parseAll(Array(bytes[..<length])) }
        }
    }

    @Test func whatIsPrintedIsReadBack() {
        var random = SeededRandom(seed: 77)
        for _ in 0..<500 {
            let numbers = (0..<4).map { _ in Int64.random(in: 0...Int64.max, using: &random) }
            let text = Array(
                "8:16 rbytes=\(numbers[0]) wbytes=\(numbers[1]) rios=\(numbers[2]) wios=\(numbers[3])\n"
                    .utf8)
            let io = IOStat(parsing: text.span)
            #expect(
                io.devices == [
                    DeviceNumber(major: 8, minor: 16): IOCounters(
                        readBytes: numbers[0], writeBytes: numbers[1], readOps: numbers[2],
                        writeOps: numbers[3])
                ])
        }
    }
}
