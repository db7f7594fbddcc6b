import CgroupFormat
import TestSupport
import Testing

/// The law of what the kernel may print: what is readable is read exactly, what is not is named.
@Suite struct KernelTextLawTests {
    private static let cpuKeys = [
        "usage_usec", "user_usec", "system_usec", "nr_throttled", "throttled_usec",
    ]
    private static let memoryKeys = ["anon", "file", "kernel", "sock", "shmem", "inactive_file"]
    private static let parts = [
        "kernel_stack", "pagetables", "sec_pagetables", "percpu", "vmalloc", "slab",
        "slab_reclaimable", "slab_unreclaimable",
    ]

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyCPUStatIsReadOrNamed(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<2000 {
            let made = MadeUpText(flat: Self.cpuKeys, using: &random)
            let bytes = Array(made.text.utf8)
            guard !bytes.isEmpty else {
                #expect(throws: FormatError.self) { _ = try CPUStat(parsing: bytes.span) }
                continue
            }
            let stat = try CPUStat(parsing: bytes.span)
            let read = [
                stat.usageMicroseconds, stat.userMicroseconds, stat.systemMicroseconds,
                stat.throttledPeriods, stat.throttledMicroseconds,
            ]
            #expect(read == Self.cpuKeys.map { made.values[$0] }, "\(round): \(made.text)")
            // Without cpu time something is always said.
            let named = made.odd.union(made.values["usage_usec"] == nil ? ["usage_usec"] : [])
            #expect(Set(stat.odd.lines.map(\.subject)) == named, "\(round): \(made.text)")
            #expect(stat.odd.count == named.count, "each once")
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyMemoryStatIsReadOrNamed(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<2000 {
            let made = MadeUpText(flat: Self.memoryKeys + Self.parts, using: &random)
            let bytes = Array(made.text.utf8)
            guard !bytes.isEmpty else { continue }
            let stat = try MemoryStat(parsing: bytes.span)
            let hasSum = made.values["kernel"] != nil || made.odd.contains("kernel")
            let kernel = hasSum ? made.values["kernel"] : sum(of: made)
            let read = [
                stat.anon, stat.file, stat.kernel, stat.sock, stat.shmem, stat.inactiveFile,
            ]
            let wanted = Self.memoryKeys.map { $0 == "kernel" ? kernel : made.values[$0] }
            #expect(read == wanted, "\(round): \(made.text)")
            #expect(stat.isKernelSummed == (!hasSum && kernel != nil))
            // With the sum its parts are not looked at.
            let used = Self.memoryKeys + (hasSum ? [] : parts(of: made))
            let named = made.odd.filter { used.contains($0) }
            #expect(Set(stat.odd.lines.map(\.subject)) == named, "\(round): \(made.text)")
            let silent = Self.memoryKeys.filter { key in
                let value = key == "kernel" ? kernel : made.values[key]
                let isSaid = stat.missingKeys.contains(key) || made.odd.contains(key)
                let isPartOdd = key == "kernel" && used.contains { made.odd.contains($0) }
                return value == nil && key != "file" && !isSaid && !isPartOdd
            }
            #expect(silent.isEmpty, "\(round): \(made.text)")
        }
    }

    /// The keys that make up the kernel's memory: slab whole, else its two parts.
    private func parts(of made: MadeUpText) -> [String] {
        let hasSlab = made.values["slab"] != nil || made.odd.contains("slab")
        return Self.parts.filter { hasSlab ? !$0.hasPrefix("slab_") : $0 != "slab" }
    }

    /// The kernel's memory by its parts, as far as they are there and all of them are readable.
    private func sum(of made: MadeUpText) -> Int64? {
        // Of a text that was cut off it is not known which parts lack.
        let parts = parts(of: made)
        guard !made.isTorn, parts.allSatisfy({ !made.odd.contains($0) }) else { return nil }
        let needed = parts.filter { $0.hasPrefix("slab") } + ["kernel_stack"]
        guard needed.allSatisfy({ made.values[$0] != nil }) else { return nil }
        return Int64(exactly: parts.reduce(0 as Int128) { $0 + Int128(made.values[$1] ?? 0) })
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyIOStatIsReadOrNamed(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<2000 {
            let made = disks(&random)
            let bytes = Array(made.text.utf8)
            let stat = IOStat(parsing: bytes.span)
            for (name, values) in made.values {
                let device = try #require(DeviceNumber(name))
                let counters = try #require(stat.devices[device], "\(round): \(made.text)")
                let read = [
                    counters.readBytes, counters.writeBytes, counters.readOps, counters.writeOps,
                ]
                for (index, key) in MadeUpDisks.keys.enumerated() {
                    let isUnread = counters.unread.contains(.init(rawValue: 1 << UInt8(index)))
                    let value = isUnread ? nil : read[index] ?? 0
                    #expect(value == values[key], "\(round) \(name) \(key): \(made.text)")
                }
            }
            // Of all others nothing is said that is not so.
            for (device, counters) in stat.devices where made.values["\(device)"] == nil {
                let isUnused = made.unused.contains("\(device)") && counters == IOCounters()
                #expect(counters.unread == .all || isUnused, "\(round) \(device): \(made.text)")
            }
            #expect((stat.completeness == .whole) == made.isWhole, "\(round): \(made.text)")
            #expect(stat.odd.isEmpty == !made.isOdd, "\(round): \(made.text)")
        }
    }

    private func disks(_ random: inout SeededRandom) -> MadeUpDisks {
        let names = ["8:0", "8:16", "259:1", "7:7", "254:0", "11:0"]
        let disks = names.prefix(Int.random(in: 0...names.count, using: &random)).map { name in
            MadeUpDisks.Disk(
                name,
                Int.random(in: 0..<3, using: &random) == 0
                    ? [] : (0..<4).map { _ in edgeNumbers.randomElement(using: &random) ?? 0 })
        }
        return MadeUpDisks(
            Array(disks), sharesLines: .random(using: &random),
            damage: MadeUpDisks.Damage.allCases.randomElement(using: &random) ?? .nothing,
            using: &random)
    }

    /// A file of one value is that value, or refused.
    @Test func everySingleValueIsReadOrRefused() {
        var random = SeededRandom(seed: 5)
        var words = edgeNumbers.map { number -> (String, Int64?) in (String(number), number) }
        words += oddNumbers.map { word -> (String, Int64?) in (word, nil) }
        words.append(("max", nil))
        for (word, value) in words {
            for end in ["\n", "", "\n\n", "\nx\n", " \n"] {
                let bytes = Array((word + end).utf8)
                #expect(
                    (try? parseGauge(bytes.span)) == (end == "\n" ? value : nil), "\(word)\(end)")
                let limit = word == "max" ? Limit.max : value.map(Limit.at)
                #expect(
                    (try? parseLimit(bytes.span)) == (end == "\n" ? limit : nil), "\(word)\(end)")
                let period = Int64.random(in: 1...1_000_000, using: &random)
                let quota = Array("\(word) \(period)\(end)".utf8)
                #expect(
                    (try? CPUMax(parsing: quota.span))
                        == (end == "\n" ? limit.map { CPUMax(quota: $0, period: period) } : nil),
                    "\(word) \(period)\(end)")
            }
        }
    }
}
