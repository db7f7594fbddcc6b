import GRDB
import Sealing

/// A table of hot samples and the one that holds them once they are sealed.
struct SampleTable {
    let hot: String
    let sealed: String
    /// What tells series apart within a tick.
    let keys: [String]
    /// What is measured, in the order of a block's columns behind the tick.
    ///
    /// A block that an older Octroi sealed has the first of them only, so new ones go to the end.
    let values: [String]

    static let samples = SampleTable(
        hot: "sample", sealed: "sample_block", keys: ["container"],
        values: [
            "cpu_usage_us", "cpu_user_us", "cpu_system_us", "cpu_throttled_us", "memory_bytes",
            "anon_bytes", "file_bytes", "kernel_bytes", "sock_bytes", "shmem_bytes",
            "inactive_file_bytes", "pids", "swap_bytes", "memory_peak_bytes",
            "memory_high_events", "memory_max_events", "oom_kills", "cpu_throttled_periods",
            "cpu_some_us", "memory_some_us", "memory_full_us", "io_some_us", "io_full_us",
            "frozen_us", "cpu_limit_nanocores", "memory_limit_bytes", "net_rx_bytes",
            "net_tx_bytes",
        ])

    static let io = SampleTable(
        hot: "sample_io", sealed: "sample_io_block", keys: ["container", "major", "minor"],
        values: ["read_bytes", "write_bytes", "read_ops", "write_ops"])
}

/// Samples of one series, as columns: the tick, then what was measured.
struct SampleColumns {
    /// The cpu times of `SampleTable.samples`, counted from the tick.
    private static let cpuTimes = (usage: 1, user: 2, system: 3)

    var columns: [Sealing.Column]

    init(_ count: Int) { columns = Array(repeating: Sealing.Column(), count: count) }

    /// Reads what `block` made.
    init(_ bytes: [UInt8], isCPU: Bool) throws(BlockError) {
        columns = try Block(bytes).columns
        if isCPU { columns = Self.exchanged(columns) }
    }

    /// The block.
    ///
    /// The kernel's user and system time are its usage, but for a microsecond of rounding:
    /// of the three, the system time is kept as that rounding.
    func block(isCPU: Bool) -> Block { Block(isCPU ? Self.exchanged(columns) : columns) }

    /// Puts usage − user − system in the place of system, or system in the place of that.
    private static func exchanged(_ columns: [Sealing.Column]) -> [Sealing.Column] {
        guard columns.count > cpuTimes.system else { return columns }
        let (usage, user) = (columns[cpuTimes.usage], columns[cpuTimes.user])
        let third = columns[cpuTimes.system]
        guard usage.runs == user.runs, user.runs == third.runs else { return columns }
        var result = columns
        result[cpuTimes.system] = Sealing.Column(
            values: third.values.indices.map {
                usage.values[$0] &- user.values[$0] &- third.values[$0]
            }, like: third)
        return result
    }
}
