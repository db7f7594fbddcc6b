import GRDB
import Sealing

/// A table of samples as they arrive, and the table of blocks into which they are packed.
struct SampleTable {
    /// The table with one row per tick and series.
    let hot: String
    /// The table with one block per hour and series.
    let sealed: String
    /// The columns that identify a series within a tick.
    let keys: [String]
    /// The measured columns, in the order in which blocks contain them after the tick.
    ///
    /// New columns go to the end, because blocks of an older version contain only the first ones.
    let values: [String]

    /// Whether a series belongs to one device of a container.
    var hasDevice: Bool { keys.count > 1 }

    /// What is sampled of each container.
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

    /// Columns that are nearly the sum of others, so that only the difference is stored.
    ///
    /// The numbers are positions in a block, where 0 is the tick. System time (3) is CPU time (1)
    /// less user time (2), except for a microsecond of rounding. Memory (5) is anon + file + kernel
    /// (6, 7, 8), except for what memory.stat leaves out.
    fileprivate static let nearSums = [
        NearSum(3, plus: [1], minus: [2]), NearSum(5, plus: [6, 7, 8]),
    ]

    /// What is sampled of each device of a container.
    static let io = SampleTable(
        hot: "sample_io", sealed: "sample_io_block", keys: ["container", "major", "minor"],
        values: ["read_bytes", "write_bytes", "read_ops", "write_ops"])
}

/// Samples of one series as columns: the tick, then the measured values.
struct SampleColumns {
    var columns: [Sealing.Column]

    init(_ columns: [Sealing.Column]) { self.columns = columns }

    /// Unpacks a block that `block(isSample:)` made.
    ///
    /// - Parameters:
    ///   - tag: the fields that the block's checksum covers, too.
    ///   - isSample: whether it is a block of containers' samples, which have near sums.
    /// - Throws: `BlockError` if the bytes are damaged.
    init(_ bytes: [UInt8], tag: [Int64], isSample: Bool) throws(BlockError) {
        columns = try Block(bytes, tag: tag).columns
        if isSample { exchange() }
    }

    /// Packs the columns; for samples of containers, near sums are replaced by their differences.
    func block(isSample: Bool) -> Block {
        var copy = self
        if isSample { copy.exchange() }
        return Block(copy.columns)
    }

    /// Replaces near sums by differences; a second call restores them.
    private mutating func exchange() {
        for sum in SampleTable.nearSums { sum.exchange(&columns) }
    }
}
