import Glibc
import CgroupFormat
import Limits
import SystemPackage
import Units

/// Lowers memory.max below what is in use without a kill: memory.high first, then it waits.
struct Shrink {
    var max: PlannedWrite
    /// The memory.high that makes room.
    ///
    /// It is written to the file, past the owner: the writer does the kernel's reclaiming itself, and
    /// systemd has better things to do.
    var high: PlannedWrite
    /// What memory.high is to be afterwards.
    var end: PlannedWrite
}

extension LimitChanger {
    /// The memory limits among the writes that are below what is in use.
    func shrinks(_ due: [PlannedWrite]) throws(Fault) -> [Shrink] {
        var result: [Shrink] = []
        for write in due where write.key == .memoryMax && write.isLowering {
            guard case .number(.at(let target)) = write.wanted,
                let cgroup = tree.cgroup(write.path)
            else { continue }
            guard let current = cgroup.number("memory.current") else {
                // It may have been readable when this was planned.
                try write.refuseKill(
                    cgroup.circumstances(), at: tree.path + escapingControlCharacters(write.path))
                continue
            }
            guard current > target else { continue }
            let before = try tree.value(of: .memoryHigh, at: cgroup)
            let high = PlannedWrite(
                path: write.path, cgroupID: write.cgroupID, owner: .file, key: .memoryHigh,
                before: before, wanted: before.tightened(by: write.wanted))
            var end = high.reversed
            if let own = due.first(where: { $0.path == write.path && $0.key == .memoryHigh }) {
                end.wanted = own.wanted
            }
            result.append(Shrink(max: write, high: high, end: end))
        }
        return result
    }

    /// Waits until usage is at or below the limit to come.
    ///
    /// - Throws: at the deadline, with the shortfall, or when all in it stalls.
    func wait(_ shrink: Shrink) throws(Fault) {
        guard case .number(.at(let target)) = shrink.max.wanted else { return }
        let cgroup = try tree.same(shrink.max)
        // Whoever is told may want to hold back signals: the write itself takes long on older kernels.
        onShrink(cgroup.number("memory.current") ?? target, target)
        try tree.write([shrink.high], lasting: false)
        var plan = MemoryShrink(target: target, deadlineMilliseconds: deadline)
        // The clock that only goes on: a look takes as long as the host lets it.
        let start = bootMilliseconds()
        var last = (total: cgroup.stalled("memory.pressure", full: true), at: start)
        while true {
            guard let current = cgroup.number("memory.current") else {
                try shrink.max.refuseKill(
                    cgroup.circumstances(),
                    at: tree.path + escapingControlCharacters(shrink.max.path))
                throw cgroup.fault(.noSuchFileOrDirectory, .memoryMax, in: tree.path)
            }
            let now = (total: cgroup.stalled("memory.pressure", full: true), at: bootMilliseconds())
            let elapsed = now.at - start
            var share: Int64?
            if let before = last.total, let after = now.total {
                share = stalledShare(from: before, to: after, milliseconds: now.at - last.at)
            }
            last = now
            onShrink(current, target)
            if isInterrupted(), current > target {
                throw Fault(
                    .failed,
                    at: "\(tree.path)\(escapingControlCharacters(shrink.max.path))/memory.max",
                    problem: "it was interrupted while memory shrank; the old limits are back",
                    suggestion: "Run it again")
            }
            switch plan.next(current: current, stalled: share, elapsed: elapsed) {
            case .lower: return
            case .giveUp(let why):
                throw Fault(
                    .failed,
                    at: "\(tree.path)\(escapingControlCharacters(shrink.max.path))/memory.max",
                    problem: "memory did not shrink in \(elapsed / 1000) s: \(why); the old limits "
                        + "are back",
                    suggestion:
                        "Free memory in it, give it longer with --deadline, or add --force and "
                        + "let the kernel kill")
            case .wait: usleep(200_000)
            }
        }
    }
}

/// A clock that only goes on, in ms: time since the host's start, sleep included.
private func bootMilliseconds() -> Int64 {
    var time = timespec()
    // It is there on every kernel that has cgroup2, so this cannot fail.
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
