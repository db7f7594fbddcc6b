import Sealing
import Testing

/// A chain shows every record that was changed, removed, added or put elsewhere.
@Suite struct HashChainTests {
    private struct Record: Hashable {
        var number: Int64
        var text: String
        var previous: [UInt8]
        var hash: [UInt8]

        func computed(after previous: [UInt8]) -> [UInt8] {
            let digest = Digest()
            digest.add(Array(text.utf8))
            digest.add(previous)
            return digest.finish()
        }
    }

    /// Eight records as they are written one after another.
    private func chain() -> [Record] {
        (1...8 as ClosedRange<Int64>).reduce(into: []) { chain, number in
            let previous = chain.last?.hash ?? HashChain.start
            var record = Record(
                number: number, text: "record \(number)", previous: previous, hash: [])
            record.hash = record.computed(after: previous)
            chain.append(record)
        }
    }

    private func damage(_ chain: [Record], keepsPrevious: Bool = true) -> [[HashChain.Damage]] {
        var walk = HashChainWalk()
        return chain.map { record in
            walk.step(
                record.number, previous: keepsPrevious ? record.previous : nil, hash: record.hash,
                computed: record.computed)
        }
    }

    @Test(arguments: [false, true]) func aWholeChainHasNone(keepsPrevious: Bool) {
        #expect(
            damage(chain(), keepsPrevious: keepsPrevious) == Array(repeating: [], count: 8))
        var walk = HashChainWalk()
        #expect(walk.isEmpty && walk.head == HashChain.start)
        let record = chain()[0]
        _ = walk.step(1, hash: record.hash, computed: record.computed)
        #expect(!walk.isEmpty && walk.head == record.hash && walk.last == 1)
    }

    @Test(arguments: 0..<8) func aChangedRecordIsNamed(place: Int) {
        var forged = chain()
        forged[place].text += "!"
        for keepsPrevious in [false, true] {
            let found = damage(forged, keepsPrevious: keepsPrevious)
            #expect(found[place] == [.changed])
            #expect(found.indices.allSatisfy { $0 == place || found[$0].isEmpty })
        }
    }

    /// Whoever also writes the record's hash anew breaks the link to the next.
    @Test(arguments: 0..<7) func aForgedHashBreaksTheNextLink(place: Int) {
        var forged = chain()
        forged[place].text += "!"
        forged[place].hash = forged[place].computed(after: forged[place].previous)
        #expect(damage(forged)[place + 1] == [.otherPrevious])
        #expect(damage(forged, keepsPrevious: false)[place + 1] == [.changed])
    }

    @Test(arguments: 0..<7) func aRemovedRecordIsAGap(place: Int) {
        var cut = chain()
        cut.remove(at: place)
        let (before, after) = (Int64(place), Int64(place + 2))
        #expect(damage(cut)[place] == [.gap(after: before, before: after), .otherPrevious])
        #expect(
            damage(cut, keepsPrevious: false)[place] == [.gap(after: before, before: after)])
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 9, .max])
    func anyNumberIsTakenWithoutATrap(number: Int64) {
        var forged = chain()
        forged[1].number = number
        #expect(damage(forged)[1].contains(.gap(after: 1, before: number)))
    }

    @Test func twoRecordsThatChangePlacesAreFound() {
        var forged = chain()
        forged.swapAt(3, 4)
        let wrong = damage(forged).filter { !$0.isEmpty }
        #expect(wrong.count >= 2)
    }
}

/// The bytes that hashes are over: no two rows have the same.
@Suite struct CanonicalRowTests {
    private func bytes(_ fill: (inout CanonicalRow) -> Void) -> String {
        var row = CanonicalRow()
        row.begin("t")
        fill(&row)
        row.end()
        return String(decoding: row.bytes, as: UTF8.self)
    }

    @Test func fieldsAreNetstrings() {
        #expect(bytes { $0.add("ab".utf8) } == "1:t,2:ab,\n")
        #expect(bytes { $0.add("".utf8) } == "1:t,0:,\n")
        #expect(bytes { $0.add(nil) } == "1:t,-,\n")
        #expect(bytes { $0.add(text: nil) } == bytes { $0.add(nil) })
        #expect(bytes { $0.add(text: "7") } == bytes { $0.add(7) }, "a column has one type")
    }

    @Test(arguments: [0, 7, 10, -1, -10, 1_000_000, Int64.max, Int64.min])
    func numbersAreTheirDigits(number: Int64) {
        let text = "\(number)"
        #expect(bytes { $0.add(number) } == "1:t,\(text.utf8.count):\(text),\n")
    }

    @Test func aRowBeginsAnewAndTakesWhatWasMadeBefore() {
        var part = CanonicalRow()
        part.add("x".utf8)
        part.add(5)
        #expect(bytes { $0.append(part) } == "1:t,1:x,1:5,\n")
        var row = CanonicalRow()
        row.begin("a")
        row.begin("b")
        row.end()
        #expect(String(decoding: row.bytes, as: UTF8.self) == "1:b,\n")
    }

    /// FIPS 180-4, as NIST's examples have it.
    @Test func digestIsSHA256() {
        let digest = Digest()
        digest.add(Array("a".utf8))
        digest.add(Array("bc".utf8))
        let hex = digest.finish().map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        #expect(hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
