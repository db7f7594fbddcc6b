import CgroupFormat
import TestSupport
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct CPUStatTests {
    @Test func readsTheKernelsText() throws {
        let text = bytes(
            "usage_usec 1058726\nuser_usec 1000\nsystem_usec 58\nnr_periods 0\nnr_throttled 3\nthrottled_usec 77\ncore_sched.force_idle_usec 0\n"
        )
        let stat = try CPUStat(parsing: text.span)
        #expect(stat.usageMicroseconds == 1_058_726)
        #expect(stat.userMicroseconds == 1000)
        #expect(stat.systemMicroseconds == 58)
        #expect(stat.throttledPeriods == 3)
        #expect(stat.throttledMicroseconds == 77)
    }

    @Test func missingIsNotZero() throws {
        let text = bytes("usage_usec 5\n")
        let stat = try CPUStat(parsing: text.span)
        #expect(stat.userMicroseconds == nil)
        #expect(stat.throttledMicroseconds == nil)
    }

    @Test func anEmptyFileIsRefused() {
        let text: [UInt8] = []
        #expect(throws: FormatError.self) { try CPUStat(parsing: text.span) }
    }

    /// Without its key cpu time alone is not measured, and the line is named.
    @Test(arguments: [
        ("user_usec 1\n", 0), ("usage_usec\n", 1), ("usage_usec \n", 1), ("usage_usec max\n", 1),
        ("usage_usec -1\n", 1), ("usage_usec 9223372036854775808\n", 1),
        ("usage_usec 18446744073709551615\n", 1), ("usage_usec 1 2\n", 1), ("\n", 0), (" 1\n", 0),
        ("user_usec 1\nusage_usec 12", 2), ("usage_usec 1user_usec 1\n", 1),
        ("usage_usec 1\nusage_usec 2\n", 2), ("usage_usec x\nusage_usec 2\n", 1),
    ])
    func saysWhichLineIsWrong(text: String, line: Int) throws {
        let text = bytes(text + (text.hasSuffix("12") ? "" : "nr_throttled 4\n"))
        let stat = try CPUStat(parsing: text.span)
        #expect(stat.usageMicroseconds == nil)
        #expect(stat.odd.lines.map(\.subject) == ["usage_usec"])
        #expect(stat.odd.lines.first?.error.line == line)
        #expect(stat.throttledPeriods == (line == 2 && stat.userMicroseconds != nil ? nil : 4))
    }

    /// What no bill needs may hold anything; a shown key that is odd is named and costs itself only.
    @Test(arguments: [
        ("nr_bursts -1\n", []), ("user_usec 18446744073709551615\n", ["user_usec"]),
        ("throttled_usec x\n", ["throttled_usec"]), ("\n\n", []), ("garbage\n", []),
        ("nr_throttled 1", ["nr_throttled"]), ("core_sched.force_idle_us", []),
        ("usage_usec 5\n", []),
    ])
    func oneOddLineCostsThatLine(text: String, odd: [String]) throws {
        let text = bytes("usage_usec 5\n" + text)
        let stat = try CPUStat(parsing: text.span)
        #expect(stat.usageMicroseconds == 5)
        #expect(stat.odd.lines.map(\.subject) == odd)
    }
}

@Suite struct MemoryStatTests {
    @Test func readsWhatIsBilled() throws {
        let text = bytes(
            "anon 1\nfile 2\nkernel 3\nkernel_stack 99\nsock 4\nshmem 5\ninactive_file 6\nworkingset_refault_anon 0\n"
        )
        let stat = try MemoryStat(parsing: text.span)
        #expect(
            [stat.anon, stat.file, stat.kernel, stat.sock, stat.shmem, stat.inactiveFile] == [
                1, 2, 3, 4, 5, 6,
            ])
    }

    /// Before Linux 5.18 there is no sum: the parts that the kernel prints are added up.
    @Test(
        arguments: [
            // 5.10 has no page tables there, 5.11 has; slab is there whole, or in two parts.
            ("kernel_stack 1\npercpu 2\nslab_reclaimable 30\nslab_unreclaimable 10\nslab 40\n", 43),
            ("kernel_stack 1\npagetables 4\npercpu 2\nslab 40\n", 47),
            ("kernel_stack 1\nslab_reclaimable 30\nslab_unreclaimable 10\n", 41),
            ("slab 40\nvmalloc 8\nsec_pagetables 16\npercpu 2\npercpu 2\nkernel_stack 1\n", 67),
            ("slab 40\n", nil), ("kernel_stack 1\n", nil),
            ("kernel_stack 1\nslab_reclaimable 3\n", nil),
            ("kernel_stack 1\nslab 40\npercpu -1\n", nil),
            ("kernel_stack 9223372036854775807\nslab 1\n", nil), ("", nil),
        ] as [(String, Int64?)])
    func anOldKernelsPartsAreAddedUp(parts: String, kernel: Int64?) throws {
        let text = bytes("anon 1\nsock 4\nshmem 5\ninactive_file 0\n" + parts)
        let stat = try MemoryStat(parsing: text.span)
        #expect(stat.kernel == kernel && stat.isKernelSummed == (kernel != nil))
        #expect(stat.unreclaimable == kernel.map { $0 + 10 })
        let isSaid = stat.missingKeys == ["kernel"] || stat.odd.lines.map(\.subject) == ["percpu"]
        #expect(isSaid == (kernel == nil))
    }

    /// With the kernel's own sum its parts are of no use, and may have wrapped.
    @Test func whatNoFormulaNeedsIsNotLookedAt() throws {
        let text = bytes(
            "anon 1\nfile 2\nkernel 3\npercpu 18446744073709547520\nslab -1\nzswap 18446744073709547520\nsock 4\nshmem 5\ninactive_file 6\n"
        )
        let stat = try MemoryStat(parsing: text.span)
        #expect(stat.unreclaimable == 13 && stat.odd.isEmpty && stat.missingKeys.isEmpty)
        #expect(!stat.isKernelSummed)
    }

    @Test(arguments: [
        ("anon\nkernel 1\n", ["anon"], ["sock", "shmem", "inactive_file"]),
        ("anon 1", ["anon"], ["sock", "shmem", "inactive_file", "kernel"]),
        ("anon 1\nfile max\nkernel 1\n", ["file"], ["sock", "shmem", "inactive_file"]),
        ("kernel 1\nkernel 2\nanon 1\n", ["kernel"], ["sock", "shmem", "inactive_file"]),
    ])
    func oddAndMissingKeysAreNamed(text: String, odd: [String], missing: [String]) throws {
        let text = bytes(text)
        let stat = try MemoryStat(parsing: text.span)
        #expect(stat.odd.lines.map(\.subject) == odd && stat.missingKeys == missing)
        #expect(stat.unreclaimable == nil)
    }

    @Test func anEmptyFileIsRefused() {
        let text: [UInt8] = []
        #expect(throws: FormatError.self) { try MemoryStat(parsing: text.span) }
    }
}

@Suite struct IOStatTests {
    @Test func readsEveryDevice() {
        let text = bytes(
            "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n254:16 rbytes=7 wbytes=8 rios=9 wios=10 cost.usage=1.5\n"
        )
        let stat = IOStat(parsing: text.span)
        #expect(
            stat.devices == [
                DeviceNumber(major: 8, minor: 0): IOCounters(
                    readBytes: 1, writeBytes: 2, readOps: 3, writeOps: 4),
                DeviceNumber(major: 254, minor: 16): IOCounters(
                    readBytes: 7, writeBytes: 8, readOps: 9, writeOps: 10),
            ])
    }

    @Test func bareAndUnknownLinesAreNotZero() {
        let text = bytes("7:7\n252:0 \n(unknown) rbytes=9\n8:0 wbytes=4\n")
        let stat = IOStat(parsing: text.span)
        #expect(stat.unknownDevices == 1)
        #expect(stat.devices[DeviceNumber(major: 7, minor: 7)] == IOCounters())
        #expect(stat.devices[DeviceNumber(major: 8, minor: 0)]?.readBytes == nil)
        #expect(stat.devices[DeviceNumber(major: 8, minor: 0)]?.writeBytes == 4)
        #expect(stat.completeness == .whole)
    }

    /// What was read and written there is billed to nobody, so it must be named.
    @Test(arguments: [
        ("(unknown) rbytes=9 wbytes=0 rios=1 wios=0\n", true), ("(unknown) rbytes=x\n", true),
        ("(unknown) rbytes=0 wbytes=0 rios=0 wios=0 dbytes=7\n", false), ("(unknown) \n", false),
    ])
    func aDeviceWithoutANumberIsNamedIfItWasUsed(text: String, isNamed: Bool) {
        let text = bytes("8:0 wbytes=4\n" + text)
        let stat = IOStat(parsing: text.span)
        #expect(stat.odd.lines.map(\.subject) == (isNamed ? ["a device without a number"] : []))
        #expect(stat.devices[sda]?.writeBytes == 4)
    }

    @Test func noDeviceUsedYetIsEmpty() {
        let text: [UInt8] = []
        let stat = IOStat(parsing: text.span)
        #expect(stat.devices.isEmpty && stat.completeness == .whole && stat.odd.isEmpty)
    }

    private let sda = DeviceNumber(major: 8, minor: 0)
    private let sdb = DeviceNumber(major: 8, minor: 16)

    /// Some 5.x kernels print devices without figures on the line of the next one.
    @Test(arguments: [
        "7:7 7:6 8:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
        "8:0 rbytes=1 wbytes=2 rios=3 wios=4 8:16 \n",
        "\n \n8:0 wios=4 rios=3 rbytes=1 wbytes=2\n\n",
        "8:0 \n8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=x cost.usage=-1 use_delay=0 depth=max\n",
        "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
        "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n7:1 7:0 ",
    ])
    func everyPairOfNumbersStartsADevice(text: String) {
        let text = bytes(text)
        let stat = IOStat(parsing: text.span)
        #expect(
            stat.devices[sda]
                == IOCounters(readBytes: 1, writeBytes: 2, readOps: 3, writeOps: 4))
        #expect(stat.odd.isEmpty && stat.completeness != .partial)
        #expect(stat.devices[sdb] ?? IOCounters() == IOCounters())
    }

    /// An odd value costs its counter, an odd line its device; others live on.
    @Test(
        arguments: [
            ("8:0 rbytes=x wbytes=2\n", .readBytes, ["8:0 rbytes"]),
            ("8:0 rbytes=18446744073709551615 wbytes=2\n", .readBytes, ["8:0 rbytes"]),
            ("8:0 wios= rios=-1 wbytes=2\n", [.writeOps, .readOps], ["8:0 rios", "8:0 wios"]),
            ("8:0 rbytes\n", .all, ["8:0"]), ("8:0 rbytes=1 rbytes=1\n", .all, ["8:0"]),
            ("8:0 rbytes=1 8:x\n", .all, ["8:0"]), ("8:0 rbytes=18:32 wbytes=7\n", .all, ["8:0"]),
            ("8:0 rbytes=1\n8:0 rbytes=2\n", .all, ["8:0"]), ("8:0 rbytes=1 wby", .all, ["8:0"]),
        ] as [(String, IOCounters.Unread, [String])])
    func whatIsOddIsNotZero(text: String, unread: IOCounters.Unread, odd: [String]) {
        let text = bytes("8:16 rbytes=5\n" + text)
        let stat = IOStat(parsing: text.span)
        #expect(stat.devices[sda]?.unread == unread)
        #expect(stat.odd.lines.map(\.subject) == odd)
        #expect(stat.devices[sdb]?.readBytes == 5)
        #expect((stat.completeness == .partial) == (unread == .all))
    }

    /// A line that names no device may be any device's, so none can be said to be gone.
    @Test(arguments: [
        "8 rbytes=1\n", ":0 rbytes=1\n", "garbage\n", "8:1", "rbytes=1 8:16 rbytes=5\n", "(unkn",
        "8:0\trbytes=1\n", "cost.usage=5\n",
    ])
    func aLineOfNoDeviceIsNamed(text: String) {
        let text = bytes("8:16 rbytes=5\n" + text)
        let stat = IOStat(parsing: text.span)
        #expect(stat.devices.keys.sorted() == [sdb] && stat.devices[sdb]?.readBytes == 5)
        #expect(stat.completeness == .partial && stat.odd.count == 1)
    }

    /// Wherever a text is cut off, what is left of it is read rightly or not at all.
    @Test func aTextThatIsCutOffTellsNothingWrong() {
        let whole = bytes(
            "8:16 rbytes=123 wbytes=45 rios=6 wios=7 dbytes=0 dios=0\n7:7 8:0 rbytes=89 wbytes=1 rios=2 wios=3\n"
        )
        let all = IOStat(parsing: whole.span)
        for length in 0..<whole.count {
            let part = IOStat(parsing: Array(whole[..<length]).span)
            for (device, counters) in part.devices where counters.unread.isEmpty {
                #expect(all.devices[device] == counters, "cut at \(length)")
            }
            let isAtLineEnd = length == 0 || whole[length - 1] == UInt8(ascii: "\n")
            #expect((part.completeness == .whole) == isAtLineEnd, "cut at \(length)")
        }
    }
}

@Suite struct ValueTests {
    @Test func limitsKeepMaxApartFromNumbers() {
        #expect(Limit("max") == .max)
        #expect(Limit("4096") == .at(4096))
        for text in ["", "-1", "max\n", "4096 ", "1e3", "9223372036854775808"] {
            #expect(Limit(text) == nil, "\(text)")
        }
    }

    @Test func cpuMaxIsReadAndPrinted() throws {
        for text in ["max 100000", "150000 100000"] {
            #expect(try CPUMax(parsing: text + "\n").description == text)
        }
        for text in [
            "", "max", "1 2 3", "x 100000", "1 0", "max 100000\nmax 100000\n", "-1 100000",
        ] {
            #expect(throws: FormatError.self) { try CPUMax(parsing: text) }
        }
    }

    @Test func gaugesAreOneNumber() throws {
        let good = bytes("123\n")
        #expect(try parseGauge(good.span) == 123)
        for text in ["", "12", "12\n13\n", "max\n", "\n"] {
            let text = bytes(text)
            #expect(throws: FormatError.self) { try parseGauge(text.span) }
        }
    }

    @Test func foreignQuotasAreCountedWithoutOverflow() {
        #expect(CPUMax(quota: .at(150_000)).nanocores == 1_500_000_000)
        #expect(CPUMax(quota: .at(10_000_000_000)).nanocores == 100_000_000_000_000)
        #expect(CPUMax(quota: .at(.max), period: 1).nanocores == nil)
        #expect(CPUMax(quota: .max).nanocores == nil)
    }

    /// An odd line of io.max is not "no limit".
    @Test func aDevicesLimitIsKnownOrNot() {
        let text = "8:0 rbps=max wbps=5 new=7\n  \n8:16 rbps=x\n8:32 wbps=1\n8:32 wbps=1\n"
        func limit(_ minor: Int64) -> String? {
            IOMax.limits(of: DeviceNumber(major: 8, minor: minor), in: text)?.description
        }
        #expect(limit(0) == "rbps=max wbps=5 riops=max wiops=max")
        #expect(limit(16) == nil && limit(32) == nil)
        #expect(limit(48) == IOMax().description)
    }

    @Test func eventsSayWhetherAProcessLives() throws {
        let text = bytes("populated 1\nfrozen 0\n")
        #expect(try CgroupEvents(parsing: text.span).populated)
        let other = bytes("frozen 0\n")
        #expect(throws: FormatError.self) { try CgroupEvents(parsing: other.span) }
    }

    /// Whatever bytes come, a parser gives a value or a fault that names a line: it never traps.
    @Test func noBytesBreakAParser() {
        var random = SeededRandom(seed: 3)
        let words = [
            "usage_usec ", "8:0 ", "rbytes=", "max", "\n", " ", "=", ":", "1",
            "99999999999999999999", "anon ", "\u{0}", "é",
        ]
        for _ in 0..<20_000 {
            let text = bytes(
                (0..<Int.random(in: 0...8, using: &random)).map { _ in
                    words.randomElement(using: &random) ?? ""
                }.joined())
            _ = try? CPUStat(parsing: text.span)
            _ = try? MemoryStat(parsing: text.span)
            _ = try? parseGauge(text.span)
            let stat = IOStat(parsing: text.span)
            #expect(stat.devices.values.allSatisfy { ($0.readBytes ?? 0) >= 0 })
        }
    }
}
