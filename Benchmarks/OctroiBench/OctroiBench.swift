import Host
import CgroupFS
import CgroupFormat
import Daemon
import Enforcing
import Glibc
import Limits
import Metering
import Runtimes
import Store
import Units

/// The Octroi side of the figures: each verb does what its floor in `floor/` does.
@main
enum OctroiBench {
    static func main() throws {
        let words = CommandLine.arguments
        switch words.dropFirst().first {
        case "read" where words.count == 4: try read(words[2], rounds: Int64(words[3]) ?? 1)
        case "tick" where words.count == 5:
            try tick(words[2], rounds: Int64(words[3]) ?? 1, store: words[4])
        case "ingest" where words.count == 5:
            try ingest(words[2], containers: Int64(words[3]) ?? 1, ticks: Int64(words[4]) ?? 1)
        case "enforce" where words.count == 5:
            try enforce(words[2], rounds: Int64(words[3]) ?? 1, store: words[4])
        case "codec" where words.count == 4: try Series.codec(words[2], rounds: Int(words[3]) ?? 1)
        case "hour" where words.count == 5:
            try Series.hour(words[2], into: words[3], containers: Int64(words[4]) ?? 1)
        case "openmetrics" where words.count == 4:
            try Series.openMetrics(words[2], containers: Int(words[3]) ?? 1)
        default:
            print(
                """
                usage: octroi-bench read ROOT ROUNDS | tick ROOT ROUNDS DB | ingest DB N TICKS
                       | enforce ROOT ROUNDS DB
                       | codec SERIES ROUNDS | hour SERIES DB N | openmetrics SERIES N
                """)
            exit(64)
        }
    }

    /// Surveys, reads and parses: CPU µs a tick.
    private static func read(_ path: String, rounds: Int64) throws {
        let source = try LiveKernel(root: CgroupRoot(opening: path), isKernel: true)
        let plan = SurveyPlan(nesting: PathShape.nesting)
        var sampler = Sampler()
        func once() {
            let survey = source.survey(plan)
            for case .account(let index) in survey.steps {
                _ = sampler.sample(index, from: source)
            }
        }
        // The first rounds open the files and find out which cgroups are containers.
        once()
        source.acknowledge()
        once()
        let start = cpuMicroseconds()
        for _ in 0..<rounds { once() }
        print((cpuMicroseconds() - start) / rounds)
    }

    /// All that a tick does, store included: CPU µs a tick, and the peak memory in KiB.
    private static func tick(_ path: String, rounds: Int64, store: String) throws {
        let store = try Store(at: store, for: .write)
        var collector = try Collector(
            source: LiveKernel(root: CgroupRoot(opening: path), isKernel: true), store: store,
            intervalMilliseconds: 10_000, in: .utc)
        _ = try collector.tick()
        _ = try collector.tick()
        let start = cpuMicroseconds()
        for _ in 0..<rounds { _ = try collector.tick() }
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        print((cpuMicroseconds() - start) / rounds, usage.ru_maxrss)
    }

    /// Holds three limits of every cgroup below a root against the kernel: CPU µs a look.
    ///
    /// They are as they are wanted, so that nothing is written; the collector knows them all.
    private static func enforce(_ path: String, rounds: Int64, store: String) throws {
        let store = try Store(at: store, for: .write)
        var collector = try Collector(
            source: LiveKernel(root: CgroupRoot(opening: path), isKernel: true), store: store,
            intervalMilliseconds: 10_000, in: .utc)
        _ = try collector.tick()
        let tree = LimitedTree(root: try CgroupRoot(opening: path))
        var wanted: [LimitEffect] = []
        tree.paths { path, _ in
            guard let cgroup = tree.cgroup(path) else { return }
            for key in [LimitKey.cpuMax, .memoryMax, .pidsMax] {
                guard let value = try? tree.value(of: key, at: cgroup) else { continue }
                wanted.append(
                    .want(
                        WantedLimit(
                            LimitSubject(.container, path), key, value, source: .command,
                            since: Instant(seconds: 0))))
            }
        }
        let set = LimitChangeSet(
            at: Instant(seconds: 0), uid: 0, user: "bench", target: "bench", tenant: nil,
            action: .set, outcome: .done, reason: nil)
        try store.finishLimitChange(set, wanted)
        func now() -> Instant { Instant(seconds: 0) }
        let changer = LimitChanger(tree: tree, store: store, boot: "bench", now: now)
        let enforcer = Enforcer(changer: changer, store: store, budgets: nil, clock: { 0 })
        _ = try enforcer.look()
        let start = cpuMicroseconds()
        var compared = 0
        for _ in 0..<rounds {
            let outcome = try enforcer.look()
            guard outcome?.written == 0 else { exit(1) }
            compared = outcome?.compared ?? 0
        }
        print((cpuMicroseconds() - start) / rounds, compared)
    }

    /// Commits full ticks of made-up samples: rows of table sample a second.
    private static func ingest(_ path: String, containers: Int64, ticks: Int64) throws {
        let store = try Store(at: path, for: .write)
        let run = try store.beginRun(
            bootID: "bench", root: "/", intervalMilliseconds: 1000, at: Instant(seconds: 0))
        var rows: [Int64?] = Array(repeating: nil, count: Int(containers))
        var spent: Int64 = 0
        func commit(_ tick: Int64) throws {
            let entries = (0..<containers).map { entry($0, tick, row: rows[Int($0)]) }
            let record = TickRecord(
                moment: Moment(wall: Instant(milliseconds: tick), bootMicroseconds: tick),
                longestHold: .max, entries: entries)
            // What a collector hands over is there already, as the floor's numbers are.
            let start = wallMicroseconds()
            rows = try store.commit(record, of: run)
            spent += wallMicroseconds() - start
        }
        try commit(0)
        spent = 0
        for tick in 1...ticks { try commit(tick) }
        print(containers * ticks * 1_000_000 / max(1, spent))
    }

    private static func entry(_ container: Int64, _ tick: Int64, row: Int64?) -> TickEntry {
        let value = tick * 1000 + container
        var sample = Sample()
        sample.memoryCurrent = value
        sample.pids = value
        let device = DeviceNumber(major: 8, minor: 0)
        let counters = IOCounters(
            readBytes: value, writeBytes: value, readOps: value, writeOps: value)
        sample.io = [device: counters]
        var position = Position()
        position.cpu = Position.Mark(value, at: tick)
        position.ioSince = tick
        position.io = [device: Position.DeviceMark(counters, at: tick)]
        for formula in MemoryFormula.allCases {
            position.gauges[.memory(formula)] = GaugeState(value, at: tick, carry: 0)
        }
        var entry = TickEntry(
            row: row, path: "/x", cgroupID: container + 1, isTenantRoot: false, root: nil,
            runtime: "cgroup", sample: sample, position: position, isWhole: false,
            at: Moment(wall: Instant(milliseconds: tick), bootMicroseconds: tick))
        entry.parts = parts
        return entry
    }

    private static let parts: [Advance.Part] = {
        let meters: [LedgerMeter] =
            [.cpu, .ioReadBytes, .ioWriteBytes, .ioReadOps, .ioWriteOps].map { .meter($0) }
            + MemoryFormula.allCases.map { .memory($0) }
        return meters.map { Advance.Part(meter: $0, hour: Instant(seconds: 0), quantity: 1000) }
    }()

    static func cpuMicroseconds() -> Int64 {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Int64(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
            + Int64(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }

    static func wallMicroseconds() -> Int64 { Host.now().bootMicroseconds }
}
