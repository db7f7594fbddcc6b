import Glibc
import CgroupFormat
import Limits
import SystemPackage
import Units

/// Lowers memory.max below the memory in use without a kill.
///
/// memory.high is set first, so that the kernel reclaims memory. memory.max follows once usage is
/// at or below the new limit.
struct Shrink {
    /// The memory.max that was asked for.
    var max: PlannedWrite
    /// The memory.high that makes the kernel reclaim.
    ///
    /// It is written to the file directly and not through the owner, because the process that
    /// writes it does the reclaiming. systemd should not be kept busy with that.
    var high: PlannedWrite
    /// The memory.high after the change.
    var end: PlannedWrite
}

extension LimitChanger {
    /// The new memory.max values among the writes that are below the memory in use.
    ///
    /// - Throws: if memory in use cannot be read and the kernel might kill.
    func shrinks(_ due: [PlannedWrite]) throws(Fault) -> [Shrink] {
        var result: [Shrink] = []
        for write in due where write.key == .memoryMax && write.isLowering {
            guard case .number(.at(let target)) = write.wanted,
                let cgroup = tree.cgroup(write.path)
            else { continue }
            guard let current = cgroup.number("memory.current") else {
                // The file may have been readable when the change was planned.
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

    /// Waits until memory in use is at or below the new limit.
    ///
    /// - Throws: `failed` at the deadline, with what is missing; when all processes in the cgroup
    ///   stall; or when the operator interrupts it.
    func wait(_ shrink: Shrink) throws(Fault) {
        guard case .number(.at(let target)) = shrink.max.wanted else { return }
        let cgroup = try tree.same(shrink.max)
        // Report before writing: on older kernels the write itself takes long, and the caller may
        // want to block signals first.
        onShrink(cgroup.number("memory.current") ?? target, target)
        try tree.write([shrink.high], lasting: false)
        var plan = MemoryShrink(target: target, deadlineMilliseconds: deadline)
        // Measure time by a clock that is never set back: a round may take any time.
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

/// Milliseconds since boot, including suspend; this clock is never set back.
private func bootMilliseconds() -> Int64 {
    var time = timespec()
    // This cannot fail: every kernel with cgroup2 has CLOCK_BOOTTIME.
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
