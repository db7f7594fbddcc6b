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

    @Test(arguments: [
        ("", 0), ("user_usec 1\n", 0), ("usage_usec\n", 1), ("usage_usec \n", 1),
        ("usage_usec 1\nuser_usec x\n", 2), ("usage_usec 1\nuser_us", 2), ("usage_usec max\n", 1),
        ("usage_usec -1\n", 1), ("usage_usec 9223372036854775808\n", 1), ("usage_usec 1 2\n", 1),
        ("\n", 1), (" 1\n", 1), ("usage_usec 12", 1),
    ])
    func saysWhichLineIsWrong(text: String, line: Int) {
        let text = bytes(text)
        #expect { try CPUStat(parsing: text.span) } throws: { ($0 as? FormatError)?.line == line }
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

    @Test func anOldKernelHasNoKernelLine() throws {
        let text = bytes("anon 1\nsock 4\nshmem 5\n")
        #expect(try MemoryStat(parsing: text.span).kernel == nil)
    }

    @Test(arguments: ["", "anon\n", "anon 1", "anon 1\nfile max\n"])
    func refusesMalformed(text: String) {
        let text = bytes(text)
        #expect(throws: FormatError.self) { try MemoryStat(parsing: text.span) }
    }
}

@Suite struct IOStatTests {
    @Test func readsEveryDevice() throws {
        let text = bytes(
            "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n254:16 rbytes=7 wbytes=8 rios=9 wios=10 cost.usage=1.5\n"
        )
        let stat = try IOStat(parsing: text.span)
        #expect(
            stat.devices == [
                DeviceNumber(major: 8, minor: 0): IOCounters(
                    readBytes: 1, writeBytes: 2, readOps: 3, writeOps: 4),
                DeviceNumber(major: 254, minor: 16): IOCounters(
                    readBytes: 7, writeBytes: 8, readOps: 9, writeOps: 10),
            ])
    }

    @Test func bareAndUnknownLinesAreNotZero() throws {
        let text = bytes("7:7\n252:0 \n(unknown) rbytes=9\n8:0 wbytes=4\n")
        let stat = try IOStat(parsing: text.span)
        #expect(stat.unknownDevices == 1)
        #expect(stat.devices[DeviceNumber(major: 7, minor: 7)] == IOCounters())
        #expect(stat.devices[DeviceNumber(major: 8, minor: 0)]?.readBytes == nil)
        #expect(stat.devices[DeviceNumber(major: 8, minor: 0)]?.writeBytes == 4)
    }

    @Test func noDeviceUsedYetIsEmpty() throws {
        let text: [UInt8] = []
        #expect(try IOStat(parsing: text.span).devices.isEmpty)
    }

    @Test(arguments: [
        "8 rbytes=1\n", "8:0 rbytes=x\n", "8:0 rbytes\n", "8:0 rbytes=1", ":0 rbytes=1\n",
        "8:0 wios=\n",
    ])
    func refusesMalformed(text: String) {
        let text = bytes(text)
        #expect(throws: FormatError.self) { try IOStat(parsing: text.span) }
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
        for text in ["", "max", "1 2 3", "x 100000", "1 0"] {
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
            if let stat = try? IOStat(parsing: text.span) {
                #expect(stat.devices.values.allSatisfy { ($0.readBytes ?? 0) >= 0 })
            }
        }
    }
}
