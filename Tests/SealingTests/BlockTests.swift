import Sealing
import TestSupport
import Testing

@Suite struct BlockTests {
    /// Series as counters and gauges make them, and some that none does.
    private static let series: [(name: String, numbers: [Int64?])] = {
        var random = SeededRandom(seed: 11)
        func many(_ next: (Int, inout SeededRandom) -> Int64?) -> [Int64?] {
            (0..<361).map { next($0, &random) }
        }
        var sum: Int64 = 0
        return [
            ("nothing but missing", many { _, _ in nil }),
            ("one", [7]), ("one missing", [nil]), ("none", []),
            ("the same", many { _, _ in 1 << 40 }),
            ("a steady counter", many { index, _ in Int64(index) * 10_000 }),
            (
                "a busy counter",
                many { _, random in
                    sum += Int64.random(in: 9_000_000...10_000_000, using: &random)
                    return sum
                }
            ),
            ("pages", many { _, random in 4096 * Int64.random(in: 0...1000, using: &random) }),
            (
                "bursts",
                many { index, random in
                    index % 40 == 0 ? Int64.random(in: 0...(1 << 50), using: &random) : 0
                }
            ),
            ("holes", many { index, _ in index % 7 < 3 ? nil : Int64(index) }),
            ("begins missing", [nil, nil, 3, 4]), ("ends missing", [3, 4, nil]),
            ("extremes", [.min, .max, .min, 0, .max, -1, .min]),
            ("any bits", many { _, random in Int64.random(in: .min ... .max, using: &random) }),
            (
                "every width",
                (0..<64).map { Int64(bitPattern: UInt64.max >> UInt64($0)) }
            ),
        ]
    }()

    @Test(arguments: series.indices)
    func whatIsSealedComesOutTheSame(_ index: Int) throws {
        let (name, numbers) = Self.series[index]
        let block = Block([Column(numbers), Column(numbers.reversed())])
        let back = try Block(block.bytes())
        #expect(back == block, "\(name)")
        #expect(back.columns[0].numbers == numbers, "\(name)")
        #expect(back.columns[1].numbers == numbers.reversed(), "\(name)")
    }

    @Test func anyLengthAndAnyWidthComeOutTheSame() throws {
        var random = SeededRandom(seed: 12)
        for _ in 0..<2000 {
            let bits = UInt64.random(in: 0...63, using: &random)
            let count = Int.random(in: 1...40, using: &random)
            let numbers = (0..<count).map { _ -> Int64? in
                if Int.random(in: 0...9, using: &random) == 0 { return nil }
                return Int64(bitPattern: UInt64.random(in: 0...(.max), using: &random) >> bits)
            }
            let block = Block([Column(numbers)])
            #expect(try Block(block.bytes()).columns[0].numbers == numbers)
        }
    }

    /// A quiet hour costs next to nothing, a busy counter hardly more than its own noise.
    @Test func blocksAreSmall() {
        func bytes(_ name: String) -> Int {
            Self.series.first { $0.name == name }.map { Block([Column($0.numbers)]).bytes().count }
                ?? .max
        }
        #expect(bytes("nothing but missing") < 16)
        #expect(bytes("the same") < 24)
        #expect(bytes("a steady counter") < 32)
        // 20 bits of noise in differences that are 361.
        #expect(bytes("a busy counter") < 361 * 24 / 8)
        #expect(bytes("pages") < 361 * 14 / 8)
    }

    @Test func everyFlippedBitIsFound() {
        let holes = Self.series.first { $0.name == "holes" }?.numbers.prefix(40) ?? []
        let bytes = Block([Column(Self.series[6].numbers.prefix(40)), Column(holes)])
            .bytes(tag: [5])
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: BlockError.self) { try Block(damaged, tag: [5]) }
        }
        #expect(throws: BlockError.self) { try Block(bytes, tag: [6]) }
        #expect(throws: Never.self) { try Block(bytes, tag: [5]) }
        for length in 0..<bytes.count {
            #expect(throws: BlockError.self) { try Block(Array(bytes[..<length]), tag: [5]) }
        }
    }

    /// Bytes with a checksum that fits, as a forger makes them, never crash the reader.
    @Test func forgedBytesAreRefusedOrRead() {
        var random = SeededRandom(seed: 13)
        let whole = Block(Self.series.filter { $0.numbers.count == 361 }.map { Column($0.numbers) })
        let body = Array(whole.bytes().dropFirst(7))
        var (refused, read) = (0, 0)
        for _ in 0..<4000 {
            var forged = body
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                forged[Int.random(in: 0..<forged.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let sum = crc(forged[...])
            let bytes =
                Array("OB".utf8) + [1]
                + (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) } + forged
            do {
                _ = try Block(bytes)
                read += 1
            } catch {
                refused += 1
            }
        }
        #expect(refused > 100 && refused + read == 4000)
    }
}
