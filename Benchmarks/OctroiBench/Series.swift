import Host
import CgroupFormat
import Metering
import Sealing
import Settings
import Store
import Units

/// Series of real containers, as `octroi samples` and `octroi samples --devices` print them, one
/// container after another: `NAME,` before each line, headings included.
struct Series {
    let name: String
    /// Rows of what is measured, by column.
    private(set) var rows: [[String: Int64]] = []

    /// What other systems keep of a container: the metrics that a figure "of 18 metrics" is over.
    static let eighteen = [
        "cpu_usage_us", "cpu_user_us", "cpu_system_us", "cpu_throttled_us", "memory_bytes",
        "anon_bytes", "file_bytes", "kernel_bytes", "inactive_file_bytes", "pids", "read_bytes",
        "write_bytes", "read_ops", "write_ops", "net_rx_bytes", "net_tx_bytes", "cpu_some_us",
        "memory_some_us",
    ]

    static func read(_ path: String) throws -> [Series] {
        var all: [Series] = []
        var heading: [Substring] = []
        for line in try readText(path).split(separator: "\n") {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            if fields[1] == "at" {
                heading = fields
                continue
            }
            let numbers = zip(heading, fields).compactMap { column, field in
                Int64(field).map { (String(column), $0) }
            }
            let row = Dictionary(numbers) { first, _ in first }
            if let index = all.firstIndex(where: { $0.name == fields[0] }) {
                // A second table: what devices did, row by row.
                if heading.contains("device") {
                    all[index].addDevice(row)
                } else {
                    all[index].rows.append(row)
                }
            } else {
                all.append(Series(name: String(fields[0]), rows: [row]))
            }
        }
        return all.map { series in
            var series = series
            series.rows = Array(series.rows.prefix(360))
            return series
        }
    }

    private var deviceRows = 0
    init(name: String, rows: [[String: Int64]]) { (self.name, self.rows) = (name, rows) }

    private mutating func addDevice(_ row: [String: Int64]) {
        defer { deviceRows += 1 }
        guard deviceRows < rows.count else { return }
        for column in ["read_bytes", "write_bytes", "read_ops", "write_ops"] {
            rows[deviceRows][column] = row[column]
        }
    }

    /// The columns as the store seals them.
    private func block(_ names: [String]) -> Block {
        var columns =
            [Column(rows.indices.map { Int64($0) })]
            + names.map { name in Column(rows.map { $0[name] }) }
        func place(_ name: String) -> Int { (names.firstIndex(of: name) ?? 0) + 1 }
        NearSum(
            place("cpu_system_us"), plus: [place("cpu_usage_us")], minus: [place("cpu_user_us")]
        )
        .exchange(&columns)
        NearSum(
            place("memory_bytes"),
            plus: [place("anon_bytes"), place("file_bytes"), place("kernel_bytes")]
        ).exchange(&columns)
        return Block(columns)
    }

    /// Bytes a sample of each series, of 18 metrics and of all, and millions of values a second.
    static func codec(_ path: String, rounds: Int) throws {
        let all = try read(path)
        var (packed, plain): ([[UInt8]], [Block]) = ([], [])
        for series in all {
            let some = series.block(eighteen)
            let every = series.block(
                Set(series.rows.flatMap(\.keys)).subtracting(["cgroup_id"]).sorted())
            print(
                "\(series.name) \(hundredths(some, series)) \(hundredths(every, series)) "
                    + "\(every.columns.count - 1)")
            plain.append(some)
            packed.append(some.bytes())
        }
        let values = plain.reduce(0) { $0 + $1.columns.count * $1.count } * rounds
        var bytes = 0
        var start = OctroiBench.cpuMicroseconds()
        for _ in 0..<rounds { for block in plain { bytes += block.bytes().count } }
        let sealing = max(1, OctroiBench.cpuMicroseconds() - start)
        start = OctroiBench.cpuMicroseconds()
        for _ in 0..<rounds { for block in packed { bytes += try Block(block).count } }
        let unsealing = max(1, OctroiBench.cpuMicroseconds() - start)
        let back = try packed.map { try Block($0) }
        precondition(bytes > 0 && back == plain, "what is sealed comes out the same")
        print("values/s \(values / Int(sealing)) \(values / Int(unsealing))")
    }

    private static func hundredths(_ block: Block, _ series: Series) -> String {
        let value = block.bytes().count * 100 / series.rows.count
        return "\(value / 100).\(value / 10 % 10)\(value % 10)"
    }

    /// Commits the series' hour for so many containers, then the tick that seals and closes it.
    ///
    /// Prints CPU µs of an ordinary tick and of the last one.
    static func hour(_ path: String, into store: String, containers: Int64) throws {
        let all = try read(path)
        let store = try Store(at: store, for: .write)
        let run = try store.beginRun(
            bootID: "bench", root: "/", intervalMilliseconds: 10_000, at: Instant(seconds: 0))
        var rows = [Int64?](repeating: nil, count: Int(containers))
        func commit(_ tick: Int64) throws {
            let moment = Moment(
                wall: Instant(milliseconds: tick * 10_000), bootMicroseconds: tick * 10_000_000)
            let entries = (0..<containers).map { container in
                // Each copy begins elsewhere in its series, so that no two are alike.
                let series = all[Int(container) % all.count]
                let at = (Int(tick) + Int(container) * 7) % series.rows.count
                return series.entry(container, at, row: rows[Int(container)], moment)
            }
            rows = try store.commit(
                TickRecord(moment: moment, longestHold: .max, entries: entries), of: run)
        }
        for tick in 0..<359 as Range<Int64> { try commit(tick) }
        var start = OctroiBench.cpuMicroseconds()
        try commit(359)
        let ordinary = OctroiBench.cpuMicroseconds() - start
        start = OctroiBench.cpuMicroseconds()
        try commit(360)
        print(ordinary, OctroiBench.cpuMicroseconds() - start)
    }

    private func entry(_ container: Int64, _ at: Int, row: Int64?, _ moment: Moment) -> TickEntry {
        let values = rows[at]
        var sample = Sample()
        sample.memoryCurrent = values["memory_bytes"]
        sample.pids = values["pids"]
        sample.memorySwap = values["swap_bytes"]
        let io = IOCounters(
            readBytes: values["read_bytes"], writeBytes: values["write_bytes"],
            readOps: values["read_ops"], writeOps: values["write_ops"])
        if values["read_bytes"] != nil { sample.io = [DeviceNumber(major: 254, minor: 0): io] }
        var cpu = CPUStat(usageMicroseconds: values["cpu_usage_us"] ?? 0)
        (cpu.userMicroseconds, cpu.systemMicroseconds) = (
            values["cpu_user_us"], values["cpu_system_us"]
        )
        cpu.throttledMicroseconds = values["cpu_throttled_us"]
        sample.cpu = cpu
        var memory = MemoryStat()
        (memory.anon, memory.file) = (values["anon_bytes"], values["file_bytes"])
        (memory.kernel, memory.sock) = (values["kernel_bytes"], values["sock_bytes"])
        (memory.shmem, memory.inactiveFile) = (values["shmem_bytes"], values["inactive_file_bytes"])
        sample.memory = memory
        var entry = TickEntry(
            row: row, path: "/c\(container)", cgroupID: container + 1, isTenantRoot: false,
            root: nil,
            runtime: "cgroup", sample: sample, position: Position(), isWhole: false, at: moment)
        entry.parts = [.cpu, .ioReadBytes, .ioWriteBytes].map {
            Advance.Part(meter: .meter($0), hour: moment.wall.startOfHour, quantity: 1000)
        }
        return entry
    }

    /// The same samples as text that Prometheus loads.
    static func openMetrics(_ path: String, containers: Int) throws {
        let all = try read(path)
        for name in eighteen {
            var text = "# TYPE octroi_\(name) unknown\n"
            for container in 0..<containers {
                let series = all[container % all.count]
                for tick in 0..<360 {
                    let row = series.rows[(tick + container * 7) % series.rows.count]
                    guard let value = row[name] else { continue }
                    text +=
                        "octroi_\(name){c=\"\(container)\"} \(value) \(1_700_000_000 + tick * 10)\n"
                }
            }
            print(text, terminator: "")
        }
        print("# EOF")
    }
}
