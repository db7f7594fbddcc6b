import CgroupFormat
import Units

extension LimitDefinition {
    /// The CPU time that a cgroup may use in each period.
    ///
    /// Kernel: Documentation/admin-guide/cgroup-v2.rst, "cpu.max". systemd: `CPUQuota=`.
    static let cpuMax = LimitDefinition(
        file: "cpu.max", word: "cpu", unit: "core", initial: .cpu(CPUMax(quota: .max)),
        effect: .caps,
        parse: { text in (try? CPUMax(parsing: text)).map(LimitValue.cpu) },
        read: { text in Limits.cpuMax(text).map(LimitValue.cpu) },
        expected: "cores (1.5), percent of a core (50%) or max, from 0.001 cores to a million",
        hits: .throttled(file: "cpu.stat", key: "throttled_usec"), systemd: .cpuQuota,
        engine: .cpuQuota)

    /// The share of CPU time among siblings.
    ///
    /// It has no effect while nobody else wants the same CPUs. Kernel: cgroup-v2.rst, "cpu.weight".
    static let cpuWeight = LimitDefinition(
        file: "cpu.weight", word: "cpu.weight", unit: "weight", initial: .weight(100),
        effect: .weighs, parse: LimitValue.weight(kernel:), read: LimitValue.weight(asked:),
        expected: "a number from 1 to 10000",
        remark: "counts only against siblings that want the same CPUs",
        hits: .waited(file: "cpu.pressure", what: "CPUs"), systemd: .weight("CPUWeight"))

    /// The CPUs that processes may run on.
    ///
    /// Kernel: cgroup-v2.rst, "cpuset.cpus". An empty file means all CPUs of the parent; the
    /// command line writes that as `all`.
    static let cpusetCpus = LimitDefinition(
        file: "cpuset.cpus", word: "cpuset.cpus", unit: nil, initial: .cpus(.all), effect: .caps,
        parse: { text in text == "all" ? .cpus(.all) : CPUList(text).map(LimitValue.cpus) },
        read: { text in
            if text == "all" || text == "max" { return .cpus(.all) }
            return text.isEmpty ? nil : CPUList(text).map(LimitValue.cpus)
        },
        expected: "numbers of CPUs and ranges of them, such as 0-3,7, or all",
        systemd: .cpus("AllowedCPUs"), engine: .cpus(docker: "CpusetCpus", oci: ["cpu", "cpus"]))
}
