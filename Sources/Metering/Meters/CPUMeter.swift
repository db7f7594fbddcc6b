import CgroupFormat
import Units

/// The meter of CPU time, from `usage_usec` of `cpu.stat`.
///
/// A tenant root's counter includes all below it, so it is distributed among them (`Conservation`).
enum CPUMeter {
    /// The one meter.
    static let all = [
        HostMeter(counter: .cpu, .cpuTime, ["cpu.stat"], .compute, columns: ["cpu_usage_us"])
    ]
}

extension Position {
    /// Refuses a CPU counter that went back or rose too far.
    func refuseCPU(_ sample: inout Sample) -> [Refusal] {
        guard let usage = sample.cpu?.usageMicroseconds, let last = cpu?.value else { return [] }
        let why: String
        if usage < last {
            // The kernel never lowers this counter while the cgroup lives.
            why = "usage_usec went back below \(last)"
        } else if isTooMuch(usage, above: last) {
            why = "usage_usec rose above \(last) by more than any host can use"
        } else {
            return []
        }
        sample.cpu?.usageMicroseconds = nil
        return [Refusal("cpu.stat", why)]
    }

    /// Bills CPU time up to a reading.
    mutating func advanceCPU(_ stat: CPUStat?, _ moment: Moment, _ advance: inout Advance) {
        guard let usage = stat?.usageMicroseconds else { return }
        guard let last = cpu else {
            cpu = Mark(usage, at: moment.bootMicroseconds)
            return
        }
        guard usage >= last.value else {
            // The kernel never lowers this counter while the cgroup lives. If the lower value
            // became the mark, usage could be billed twice, so the highest value stays.
            advance.anomalies.append("cpu.stat usage_usec went back from \(last.value) to \(usage)")
            return
        }
        let unbilled = last.due(at: usage)
        advance.add(
            .meter(.cpu), unbilled, since: last.bootMicroseconds, until: moment)
        cpu = Mark(usage, ahead: Int64(clamping: max(0, -unbilled)), at: moment.bootMicroseconds)
    }
}
