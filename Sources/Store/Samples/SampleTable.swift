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

    /// Whether its series are of a container's devices.
    var hasDevice: Bool { keys.count > 1 }

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

    /// What others nearly add up to, by places counted from the tick.
    ///
    /// System time is usage less user time, but for a microsecond of rounding; memory is anon, file
    /// and kernel, but for what memory.stat leaves out.
    fileprivate static let nearSums = [
        NearSum(3, plus: [1], minus: [2]), NearSum(5, plus: [6, 7, 8]),
    ]

    static let io = SampleTable(
        hot: "sample_io", sealed: "sample_io_block", keys: ["container", "major", "minor"],
        values: ["read_bytes", "write_bytes", "read_ops", "write_ops"])
}

/// Samples of one series, as columns: the tick, then what was measured.
struct SampleColumns {
    var columns: [Sealing.Column]

    init(_ columns: [Sealing.Column]) { self.columns = columns }

    /// Reads what `block` made.
    init(_ bytes: [UInt8], tag: [Int64], isSample: Bool) throws(BlockError) {
        columns = try Block(bytes, tag: tag).columns
        if isSample { exchange() }
    }

    /// The block; of a sample's, with what is left of the columns that others nearly add up to.
    func block(isSample: Bool) -> Block {
        var copy = self
        if isSample { copy.exchange() }
        return Block(copy.columns)
    }

    private mutating func exchange() {
        for sum in SampleTable.nearSums { sum.exchange(&columns) }
    }
}
