import CgroupFormat
import TestSupport
import Testing
import Units

@testable import Metering

/// What a reading lacks, by name and as a code that a tick compares.
@Suite struct CgroupReadingTests {
    private let odd = Absence(.malformed, detail: "line 1: x")

    @Test func aWholeReadingLacksNothing() {
        let reading = CgroupReading()
        #expect(reading.absenceCode == 0 && reading.absences.isEmpty && reading.isAllInCode)
        for file in KernelFile.allCases {
            #expect(!reading.isOff(file) && !reading.isUnread(file))
        }
    }

    @Test(arguments: KernelFile.allCases)
    func aFileIsMissingByItsOwnName(file: KernelFile) throws {
        var off = CgroupReading()
        off.lackFile(file)
        #expect(off.absences.keys.sorted() == [file.text] && off.isAllInCode)
        #expect(off.absences[file.text]?.reason == .controllerOff)
        #expect(off.isOff(file) && !off.isUnread(file))
        var unread = CgroupReading()
        unread.lack(file, odd)
        #expect(unread.absences == [file.text: odd] && !unread.isAllInCode)
        #expect(!unread.isOff(file) && unread.isUnread(file))
        #expect(off.absenceCode != unread.absenceCode && off.absenceCode != 0)
        for other in KernelFile.allCases where other != file {
            #expect(!off.isOff(other) && !unread.isUnread(other))
        }
    }

    /// What a file is found to be later, or what is found in it, counts.
    @Test func aFileThatIsFoundOddIsNotOff() {
        var reading = CgroupReading()
        reading.noteKernelSummed()
        #expect(reading.absences["memory.stat kernel"]?.reason == .incomplete)
        #expect(!reading.isUnread(.memoryStat) && reading.isAllInCode)
        reading.lack(.memoryStat, odd)
        #expect(reading.absences == ["memory.stat": odd])
        reading.lack(.memoryStat, Absence(.failed, detail: "EIO"))
        #expect(reading.absences == ["memory.stat": Absence(.failed, detail: "EIO")])
    }

    @Test func aNetworkIsMissingForOneOfThreeReasons() {
        var found: [Absence.Reason?: UInt64] = [:]
        for network in [.ofHost, .ofAnother, .failed(odd)] as [CgroupReading.NetworkAbsence] {
            var reading = CgroupReading()
            reading.note(network)
            #expect(reading.absences.keys.sorted() == ["net/dev"])
            found[reading.absences["net/dev"]?.reason] = reading.absenceCode
        }
        #expect(Set(found.keys) == [.hostNamespace, .sharedNamespace, .malformed])
        #expect(Set(found.values).count == 3)
        // What is refused of a network is said beside why it failed.
        var both = CgroupReading()
        both.note(.failed(odd))
        both.lack(Refusal("net/dev", "too much"))
        #expect(both.absences["net/dev"]?.detail == "line 1: x; too much")
    }

    @Test func aRefusalIsAddedToWhatIsMissingAlready() {
        var reading = CgroupReading()
        reading.lack(Refusal("cpu.stat", "back"))
        #expect(reading.absences == ["cpu.stat": Absence(.malformed, detail: "back")])
        #expect(!reading.isUnread(.cpuStat), "the file itself was read")
        reading.lack(Refusal("cpu.stat", "again"))
        #expect(reading.absences["cpu.stat"]?.detail == "back; again")
        reading.lack(.ioStat, odd)
        reading.lack(Refusal("io.stat", "far"))
        #expect(reading.absences["io.stat"]?.detail == "line 1: x; far")
    }

    /// A line that is billed from is an absence of the file, and any other only of its key.
    @Test func oddLinesAreToldApart() throws {
        let text = "usage_usec 5\nuser_usec x\nsystem_usec y\nnr_throttled 1\nthrottled_usec 2\n"
        let shown = try CPUStat(parsing: Array(text.utf8).span)
        var reading = CgroupReading()
        reading.lack(shown.odd, of: .cpuStat) { $0 == CPUStat.billedKey }
        #expect(
            reading.absences.keys.sorted() == ["cpu.stat system_usec", "cpu.stat user_usec"])
        #expect(!reading.isUnread(.cpuStat))
        let billed = try CPUStat(parsing: Array("usage_usec x\nuser_usec y\n".utf8).span)
        reading = CgroupReading()
        reading.lack(billed.odd, of: .cpuStat) { $0 == CPUStat.billedKey }
        #expect(reading.absences.keys.sorted() == ["cpu.stat", "cpu.stat user_usec"])
        #expect(reading.isUnread(.cpuStat) && reading.absences["cpu.stat"]?.reason == .malformed)
        let before = reading.absenceCode
        reading.lack(OddLines(), of: .ioStat) { _ in true }
        #expect(reading.absenceCode == before && !reading.isUnread(.ioStat))
    }

    /// Two readings that are told by their codes alone lack the same where the codes are the same.
    @Test func theCodeTellsReadingsApart() {
        var random = SeededRandom(seed: 91)
        var seen: [UInt64: [String: Absence]] = [:]
        var repeated = 0
        for _ in 0..<3000 {
            var reading = CgroupReading()
            // Few files, so that the same set comes up again.
            for file in [KernelFile.cpuStat, .memoryStat, .pidsCurrent, .cgroupEvents]
            where Bool.random(using: &random) {
                reading.lackFile(file)
            }
            if !reading.isOff(.memoryStat), Bool.random(using: &random) {
                reading.noteKernelSummed()
            }
            switch Int.random(in: 0...2, using: &random) {
            case 0: reading.note(.ofHost)
            case 1: reading.note(.ofAnother)
            default: break
            }
            #expect(reading.isAllInCode)
            if let known = seen[reading.absenceCode] {
                repeated += 1
                #expect(known == reading.absences)
            }
            seen[reading.absenceCode] = reading.absences
        }
        // 2 × 3 × 2 × 2 sets of files, and three ways of the network.
        #expect(seen.count == 72 && repeated > 1000)
    }
}
