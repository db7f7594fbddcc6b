import ArgumentParser
import CgroupFS
import CgroupFormat
import Daemon
import Glibc
import Limits
import Reporting
import Store
import SystemPackage
import Units

struct LimitSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set limits, read the kernel back, and write down the change.",
        discussion: """
            cpu takes cores (1.5), percent of a core (50%) or max; memory.max and memory.high take \
            bytes with K, M, G or T, or max; cpu.weight takes 1 to 10000; pids.max a number or max.

            EXAMPLES
              octroi limit set acme cpu=1.5 memory.max=512M
              octroi limit set acme cpu=50% --plan
              octroi limit set web.service pids.max=200 --reason "fork bomb of Monday"
            """)

    @OptionGroup var which: TargetOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "NAME=VALUE, one or more.")
    var settings: [String] = []

    @Flag(help: "Print each write, old and new, and write nothing.")
    var plan = false

    @Option(help: "Why, for the record.")
    var reason: String?

    @Flag(help: "Set memory.max below what is in use, though the kernel may kill.")
    var force = false

    func run() throws {
        guard !settings.isEmpty else {
            throw Fault(
                .wrongUse, at: "limit set", found: "no limit",
                cure: "Name one or more, such as cpu=1.5 or memory.max=512M")
        }
        var wanted: [LimitSetting] = []
        for word in settings { wanted.append(try LimitSetting(parsing: word)) }
        let store = try which.place.store(.write)
        let root = try which.openRoot(store)
        let targets = try which.targets(in: root, store)
        var plans: [(target: LimitTarget, writes: [LimitWrite])] = []
        for target in targets {
            let directory = try open(target, root)
            plans.append((target, try plannedWrites(wanted, directory, root.path + target.path)))
        }
        var changes: [LimitChange] = []
        for (target, writes) in plans {
            let directory = try open(target, root)
            for write in writes {
                changes.append(try perform(write, target, directory, root.path, store))
            }
        }
        try show(sheet(changes), output.format)
        guard !plan, let lost = changes.first(where: { !$0.isVerified }) else { return }
        throw Fault(
            .failed, at: "\(root.path)\(lost.path)/\(lost.write.key)",
            found: "the kernel has \"\(lost.after)\" after \"\(lost.write.wanted)\" was written",
            cure: "Look for who else writes it, systemd or a container runtime")
    }

    private func sheet(_ changes: [LimitChange]) -> Sheet {
        Sheet(
            columns: ["cgroup", "limit", "before", "wanted", "after", "verified"],
            rows: changes.map {
                [
                    .text($0.path), .text($0.write.key.rawValue), .text($0.write.before),
                    .text($0.write.wanted), plan ? .none : .text($0.after),
                    plan ? .none : .flag($0.isVerified),
                ]
            })
    }

    private func open(
        _ target: LimitTarget, _ root: borrowing CgroupRoot
    ) throws(Fault) -> CgroupDirectory {
        do throws(Errno) {
            return try root.open(target.path)
        } catch {
            throw Fault(
                .unavailable, at: root.path + target.path, found: "it cannot be opened (\(error))",
                cure: "octroi containers shows what runs now")
        }
    }

    /// Every write, checked before the first one is done.
    private func plannedWrites(
        _ wanted: [LimitSetting], _ directory: borrowing CgroupDirectory, _ path: String
    ) throws(Fault) -> [LimitWrite] {
        var writes: [LimitWrite] = []
        for setting in wanted {
            let before: String
            do throws(Errno) {
                before = try directory.limit(setting.key)
            } catch {
                throw limitFault(error, setting.key, path, directory)
            }
            let write = LimitWrite(key: setting.key, before: before, wanted: setting.value)
            if !force {
                let current = (try? directory.text(of: "memory.current")).flatMap {
                    Int64($0.split(separator: "\n").first ?? "")
                }
                try refuseKill(write, current: current, at: path)
            }
            writes.append(write)
        }
        return writes
    }

    /// Writes, reads back and records one limit; what cannot be recorded is taken back.
    private func perform(
        _ write: LimitWrite, _ target: LimitTarget, _ directory: borrowing CgroupDirectory,
        _ root: String, _ store: Store
    ) throws(Fault) -> LimitChange {
        var after = write.before
        if !plan {
            do throws(Errno) {
                if !write.isInForce { try directory.write(write.wanted, to: write.key.file) }
                after = try directory.limit(write.key)
            } catch {
                throw limitFault(error, write.key, root + target.path, directory)
            }
        }
        let change = LimitChange(
            at: Host.wallTime(), uid: Int64(getuid()), target: which.target, path: target.path,
            cgroupID: target.id, write: write, after: after,
            isVerified: write.key.isSame(after, write.wanted), reason: reason)
        guard !plan else { return change }
        do throws(Fault) {
            try store.record([change])
        } catch {
            try? directory.write(write.before, to: write.key.file)
            throw error
        }
        return change
    }
}
