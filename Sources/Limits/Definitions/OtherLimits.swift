import CgroupFormat
import Units

extension LimitDefinition {
    /// Bytes and operations a second of one device.
    ///
    /// It is read by `LimitSpec`, as the value names a device; so `read` takes nothing.
    ///
    /// Kernel: Documentation/admin-guide/cgroup-v2.rst, "io.max".
    static let ioMax = LimitDefinition(
        file: "io.max", word: "io.max", unit: nil, initial: .io(IOMax()), effect: .caps,
        parse: { text in IOMax(fields: text).map(LimitValue.io) }, read: { _ in nil },
        expected: "a device and its fields", hits: .waited(file: "io.pressure", what: "disks"),
        systemd: .devices)

    /// The share of disk time among siblings.
    ///
    /// Kernel: cgroup-v2.rst, "io.weight".
    static let ioWeight = LimitDefinition(
        file: "io.weight", word: "io.weight", unit: "weight", initial: .weight(100),
        effect: .weighs, parse: LimitValue.weight(kernel:), read: LimitValue.weight(asked:),
        expected: "a number from 1 to 10000",
        remark: "counts only against siblings that want the same disk",
        hits: .waited(file: "io.pressure", what: "disks"), systemd: .weight("IOWeight"))

    /// The number of processes and threads.
    ///
    /// A fork above it fails; nothing is killed. Kernel: cgroup-v2.rst, "pids.max".
    static let pidsMax = LimitDefinition(
        file: "pids.max", word: "pids.max", unit: "process", initial: .number(.max), effect: .caps,
        parse: LimitValue.number(kernel:),
        read: { text in
            guard let limit = Limit(text) else { return nil }
            if case .at(let count) = limit, !(1...4_194_304).contains(count) { return nil }
            return .number(limit)
        },
        expected: "a number from 1 to 4194304, or max",
        hits: .events(file: "pids.events", key: "max") { "\($0) forks refused" },
        systemd: .bytes("TasksMax", refusesZero: true),
        engine: .count(docker: "PidsLimit", oci: ["pids", "limit"]))

    /// Stops all processes.
    ///
    /// Kernel: cgroup-v2.rst, "cgroup.freeze".
    static let freeze = LimitDefinition(
        file: "cgroup.freeze", word: "freeze", unit: nil, initial: .frozen(false), effect: .stops,
        parse: { text in ["0": false, "1": true][text].map(LimitValue.frozen) },
        read: { text in
            ["on": true, "1": true, "off": false, "0": false][text].map(LimitValue.frozen)
        }, expected: "on or off")
}

extension LimitValue {
    /// Reads `max` or a number, as the kernel writes it.
    static func number(kernel text: String) -> LimitValue? { Limit(text).map(LimitValue.number) }

    /// Reads `100`, or `default 100` as io.weight has it.
    static func weight(kernel text: String) -> LimitValue? {
        let number = text.hasPrefix("default ") ? String(text.dropFirst(8)) : text
        // cpu.weight says 0 for a cgroup that is idle (cpu.idle).
        return Int64(number).flatMap { (0...10_000).contains($0) ? .weight($0) : nil }
    }

    /// Reads a weight that a person asks for, from 1 to 10000.
    static func weight(asked text: String) -> LimitValue? {
        Int64(text).flatMap { (1...10_000).contains($0) ? .weight($0) : nil }
    }
}
