import CgroupFormat
import CgroupFS
import Glibc
import SystemPackage
import TestSupport
import Units

/// A host whose kernel prints whatever a kernel may, and what has to come of it, tick by tick.
///
/// Files are whole, damaged, empty, missing, forbidden, or something else than files; controllers come
/// and go. What is true is counted beside: whatever could be read has to be metered exactly, and the
/// rest has to be absent with its reason.
public final class OddHost {
    /// Kernels by what their files hold.
    public enum Age: CaseIterable, Sendable {
        /// No page tables in memory.stat, no sum of the kernel's memory.
        case linux5_10
        /// Devices without figures are on the line of the next one.
        case linux5_15
        case linux5_18
        case linux6_12
    }

    public let kernel = FakeKernel()
    /// What has to have been metered so far, by path and meter, `/a cpu`.
    public private(set) var metered: [String: Int128] = [:]
    /// What has to be absent now, by path, as `octroi containers` lists it.
    public private(set) var absent: [String: Set<String>] = [:]
    private let age: Age
    private var random: SeededRandom
    private var containers: [Container] = []
    public static let secondsBetweenTicks: Int64 = 10

    private struct Container {
        var path: String
        var cpu: Int64
        var disks: [MadeUpDisks.Disk]
        var memory: [String: Int64]
        var current: Int64
        /// Counters at their last reading, from where they are metered; 0 for one that was born.
        var marks: [String: Int64] = [:]
        /// Gauges and limits that could be read at the last tick.
        var held: [String: Int64] = [:]
    }

    public init(_ age: Age, seed: UInt64) {
        (self.age, random) = (age, SeededRandom(seed: seed))
        for (index, path) in ["/a", "/b", "/c"].enumerated() {
            var found = FakeKernel.Cgroup(path, id: Int64(index) + 2)
            found.texts[.pidsCurrent] = "1\n"
            kernel.cgroups.append(found)
            containers.append(container(path, isBorn: false))
        }
    }

    private func container(_ path: String, isBorn: Bool) -> Container {
        func start() -> Int64 { isBorn ? 0 : Int64.random(in: 0...(1 << 60), using: &random) }
        func part() -> Int64 { 4096 * Int64.random(in: 0...(1 << 20), using: &random) }
        var disks = ["8:0", "259:1"].map {
            MadeUpDisks.Disk($0, [start(), start(), start(), start()])
        }
        disks.append(MadeUpDisks.Disk("7:7"))
        var memory = ["anon": part(), "file": part(), "sock": part(), "shmem": part()]
        memory["inactive_file"] = part()
        for key in kernelKeys { memory[key] = part() }
        var container = Container(
            path: path, cpu: start(), disks: disks, memory: memory, current: 1 << 33)
        guard isBorn else { return container }
        container.marks["cpu"] = 0
        for disk in disks {
            for key in MadeUpDisks.keys { container.marks["\(disk.name) \(key)"] = 0 }
        }
        return container
    }

    /// The keys of the kernel's own memory that it prints.
    private var kernelKeys: [String] {
        switch age {
        case .linux5_10:
            ["kernel_stack", "percpu", "slab_reclaimable", "slab_unreclaimable", "slab"]
        case .linux5_15:
            [
                "kernel_stack", "pagetables", "percpu", "slab_reclaimable", "slab_unreclaimable",
                "slab",
            ]
        case .linux5_18, .linux6_12:
            ["kernel", "kernel_stack", "pagetables", "percpu", "vmalloc", "slab"]
        }
    }

    /// Lets time pass, counters rise and a container be born.
    ///
    /// - Parameter isCalm: whether every file can be read and is whole.
    public func pass(isCalm: Bool) {
        kernel.seconds += Self.secondsBetweenTicks
        if containers.count == 3, kernel.seconds > 50 {
            var found = FakeKernel.Cgroup("/born", id: 9, birth: kernel.at(kernel.seconds - 5))
            found.texts[.pidsCurrent] = "1\n"
            kernel.cgroups.append(found)
            containers.append(container("/born", isBorn: true))
        }
        for index in containers.indices {
            containers[index].cpu += .random(in: 0...10_000_000, using: &random)
            for disk in containers[index].disks.indices {
                for counter in containers[index].disks[disk].counters.indices {
                    containers[index].disks[disk].counters[counter] += .random(
                        in: 0...(1 << 30), using: &random)
                }
            }
            absent[containers[index].path] = []
            kernel.cgroups[index].errors = [:]
            printCPU(index, isCalm)
            printDisks(index, isCalm)
            printMemory(index, isCalm)
            printLimits(index, isCalm)
        }
    }

    // MARK: Files

    /// How a file is found.
    private enum Fate: CaseIterable {
        case whole, alsoWhole, damaged, alsoDamaged, missing, forbidden, folder, fifo, empty
    }

    /// Puts a file in its place, or something else.
    ///
    /// - Returns: the text, if it can be read.
    private func put(
        _ file: KernelFile, _ index: Int, _ fate: Fate, isLimit: Bool = false,
        _ text: () -> String
    ) -> String? {
        func fail(_ error: Int32, _ reason: String) -> String? {
            kernel.cgroups[index].errors[file] = Errno(rawValue: error)
            lack(index, "\(file.text): \(reason)")
            return nil
        }
        switch fate {
        case .missing:
            kernel.cgroups[index].texts[file] = nil
            // Without its file a limit is none.
            if !isLimit { lack(index, "\(file.text): controller_off") }
            return nil
        case .forbidden: return fail(EACCES, "not_permitted")
        case .folder: return fail(EISDIR, "failed (it is a folder, not a file)")
        case .fifo: return fail(ESPIPE, "failed (it is a FIFO, not a file)")
        case .whole, .alsoWhole, .damaged, .alsoDamaged, .empty:
            let printed = fate == .empty ? "" : text()
            kernel.cgroups[index].texts[file] = printed
            return printed
        }
    }

    private func fate(_ isCalm: Bool, _ besides: Set<Fate> = []) -> Fate {
        let fates = Fate.allCases.filter { !besides.contains($0) }
        return isCalm ? .whole : fates.randomElement(using: &random) ?? .whole
    }

    private func isDamaged(_ fate: Fate) -> Bool { fate == .damaged || fate == .alsoDamaged }

    private func lack(_ index: Int, _ what: String) {
        absent[containers[index].path]?.insert(what)
    }

    private func damage(_ fate: Fate, besides: Set<MadeUpText.Damage> = []) -> MadeUpText.Damage {
        guard isDamaged(fate) else { return .nothing }
        let damages = MadeUpText.Damage.allCases.filter { !besides.contains($0) }
        return damages.randomElement(using: &random) ?? .nothing
    }

    private func printCPU(_ index: Int, _ isCalm: Bool) {
        let fate = fate(isCalm)
        let usage = containers[index].cpu
        let isOdd = isDamaged(fate) && Bool.random(using: &random)
        let keys = [
            MadeUpKey("usage_usec", usage, isOdd: isOdd && Bool.random(using: &random)),
            MadeUpKey("user_usec", edgeNumbers.randomElement(using: &random) ?? 0, isOdd: isOdd),
            MadeUpKey("throttled_usec", Bool.random(using: &random) ? nil : 7),
        ]
        let made = MadeUpText(flat: keys, damage: damage(fate), using: &random)
        guard put(.cpuStat, index, fate, { made.text }) != nil else { return }
        let isRead = fate != .empty && !made.text.isEmpty
        if isRead {
            for key in made.odd where key != "usage_usec" {
                lack(index, "cpu.stat \(key): malformed")
            }
        }
        guard isRead, let now = made.values["usage_usec"] else {
            lack(index, "cpu.stat: malformed")
            return
        }
        count("cpu", index, now, "cpu")
    }

    private func printDisks(_ index: Int, _ isCalm: Bool) {
        // An empty io.stat is right: all devices are gone.
        let fate = fate(isCalm, [.empty])
        let damages = MadeUpDisks.Damage.allCases
        let damage = isDamaged(fate) ? damages.randomElement(using: &random) ?? .nothing : .nothing
        let made = MadeUpDisks(
            containers[index].disks, sharesLines: age == .linux5_15, damage: damage, using: &random)
        guard put(.ioStat, index, fate, { made.text }) != nil else {
            if fate == .missing { beginDisks(index) }
            return
        }
        if made.isOdd { lack(index, "io.stat: malformed") }
        let meters = ["io_read_bytes", "io_write_bytes", "io_read_ops", "io_write_ops"]
        for (device, values) in made.values {
            for (meter, key) in zip(meters, MadeUpDisks.keys) {
                if let now = values[key] { count("\(device) \(key)", index, now, meter) }
            }
        }
    }

    /// Lets the counters of a container's devices begin at 0, as they do once its io controller was off.
    private func beginDisks(_ index: Int) {
        for disk in containers[index].disks.indices {
            for counter in containers[index].disks[disk].counters.indices {
                containers[index].disks[disk].counters[counter] = 0
            }
            for key in MadeUpDisks.keys {
                containers[index].marks["\(containers[index].disks[disk].name) \(key)"] = 0
            }
        }
    }

    private func printMemory(_ index: Int, _ isCalm: Bool) {
        let current = containers[index].current
        let fate = fate(isCalm)
        let wrong = (oddNumbers.randomElement(using: &random) ?? "") + "\n"
        let isOdd = isDamaged(fate)
        var held: [String: Int64] = [:]
        if put(.memoryCurrent, index, fate, { isOdd ? wrong : "\(current)\n" }) != nil {
            if isOdd || fate == .empty {
                lack(index, "memory.current: malformed")
            } else {
                held["memory_current"] = current
            }
        }
        let stat = printMemoryStat(index, isCalm)
        if let unreclaimable = stat.unreclaimable { held["memory_unreclaimable"] = unreclaimable }
        if let cache = stat.inactiveFile, held["memory_current"] != nil {
            held["memory_working_set"] = max(0, current - cache)
        }
        for meter in ["memory_current", "memory_unreclaimable", "memory_working_set"] {
            // By trapezoid: it is metered between two ticks that could both read it.
            if let now = held[meter], containers[index].held[meter] != nil {
                add(index, meter, Int128(now) * Int128(Self.secondsBetweenTicks))
            }
            containers[index].held[meter] = held[meter]
        }
    }

    private func printMemoryStat(
        _ index: Int, _ isCalm: Bool
    ) -> (unreclaimable: Int64?, inactiveFile: Int64?) {
        let fate = fate(isCalm)
        let memory = containers[index].memory
        var keys = memory.sorted { $0.key < $1.key }.map { MadeUpKey($0.key, $0.value) }
        if memory["kernel"] == nil { keys.append(MadeUpKey("kernel", nil)) }
        // A key that is lost without a trace is one that this kernel does not have.
        let damage = damage(fate, besides: [.joined])
        let made = MadeUpText(flat: keys, damage: damage, using: &random)
        guard put(.memoryStat, index, fate, { made.text }) != nil else { return (nil, nil) }
        guard fate != .empty, !made.text.isEmpty else {
            lack(index, "memory.stat: malformed")
            return (nil, nil)
        }
        let slabs: Set<String> = ["slab_reclaimable", "slab_unreclaimable"]
        let hasSlab = made.values["slab"] != nil || made.odd.contains("slab")
        let hasTotal = made.values["kernel"] != nil || made.odd.contains("kernel")
        let parts =
            hasTotal
            ? ["kernel"] : kernelKeys.filter { $0 != "kernel" && !(hasSlab && slabs.contains($0)) }
        let isSumKnown = hasTotal || !made.isTorn
        let billed = ["anon", "sock", "shmem"]
        var total: Int64? = 0
        for key in billed + parts {
            guard let sum = total, let value = made.values[key] else {
                total = nil
                break
            }
            total = sum + value
        }
        if !isSumKnown { total = nil }
        if made.odd.contains("file") { lack(index, "memory.stat file: malformed") }
        let isCacheOdd = made.odd.contains("inactive_file")
        let isCacheLost = isCacheOdd || made.values["inactive_file"] == nil
        let isSumOdd = !made.odd.isDisjoint(with: Set(billed + parts + ["kernel"]))
        let isSumLost = isSumOdd || total == nil
        if isCacheLost || isSumLost {
            let key = isCacheLost ? isSumLost ? "" : " inactive_file" : " unreclaimable"
            let isOdd = isCacheOdd || isSumOdd
            lack(index, "memory.stat\(key): \(isOdd ? "malformed" : "incomplete")")
        }
        if !isSumLost, !hasTotal { lack(index, "memory.stat kernel: incomplete") }
        return (total, made.values["inactive_file"])
    }

    private func printLimits(_ index: Int, _ isCalm: Bool) {
        let files: [(KernelFile, String, String, Int64)] = [
            (.cpuMax, "50000 100000\n", "cpu_reserved", 500_000),
            (.memoryMax, "1048576\n", "memory_reserved", 1_048_576),
        ]
        for (file, text, meter, each) in files {
            let fate = fate(isCalm)
            let wrong = (oddNumbers.randomElement(using: &random) ?? "") + " x\n"
            let isOdd = isDamaged(fate) || fate == .empty
            let read = put(file, index, fate, isLimit: true) { isOdd ? wrong : text }
            if read != nil, isOdd { lack(index, "\(file.text): malformed") }
            // The limit that was read at the last tick held until this one.
            if containers[index].held[meter] != nil {
                add(index, meter, Int128(each) * Int128(Self.secondsBetweenTicks))
            }
            containers[index].held[meter] = read != nil && !isOdd ? each : nil
        }
    }

    // MARK: What is true

    private func count(_ counter: String, _ index: Int, _ now: Int64, _ meter: String) {
        if let mark = containers[index].marks[counter] { add(index, meter, Int128(now - mark)) }
        containers[index].marks[counter] = now
    }

    private func add(_ index: Int, _ meter: String, _ quantity: Int128) {
        guard quantity > 0 else { return }
        metered["\(containers[index].path) \(meter)", default: 0] += quantity
    }
}
