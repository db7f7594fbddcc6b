import CgroupFormat
import Units

/// A reading that no correct kernel gives.
///
/// What it counts is therefore not measured.
public struct Refusal: Hashable, Sendable {
    /// The kernel file of the reading, as absences name it.
    public var file: String
    /// The reason.
    ///
    /// The words stay the same while the problem lasts, because a new text counts as a new event.
    public var detail: String

    public init(_ file: String, _ detail: String) { (self.file, self.detail) = (file, detail) }
}

extension Position {
    /// Removes from a sample the readings that cannot follow the earlier ones.
    ///
    /// What is left is metered. The account stays where it is for the removed counters. Once such a
    /// counter is above its mark again, billing continues: nothing is billed twice, and nothing is
    /// lost.
    ///
    /// - Returns: what was removed, and why.
    public func refuse(from sample: inout Sample) -> [Refusal] {
        refuseCPU(&sample) + refuseIO(&sample) + refuseNetwork(&sample)
    }

    /// Refuses a CPU counter that went back or rose too far.
    private func refuseCPU(_ sample: inout Sample) -> [Refusal] {
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

    /// Refuses counters of devices that rose too far, or that are missing beside others.
    ///
    /// A counter that fell is not refused: its device was removed and came back (`fell`).
    private func refuseIO(_ sample: inout Sample) -> [Refusal] {
        var refusals: [Refusal] = []
        for device in (sample.io ?? [:]).keys.sorted() {
            for counter in sample.io?[device].map({ lacking(device, $0) }) ?? [] {
                sample.io?[device]?.unread.insert(counter.unread)
                refusals.append(
                    Refusal("io.stat", "\(counter.meter) of \(device) is missing beside the others")
                )
            }
            guard let now = sample.io?[device] else { continue }
            let beganAnew = fell(device, now)
            for counter in IOCounter.allCases {
                guard let reading = now.reading(counter),
                    let mark = mark(of: .io(device, counter)),
                    isTooMuch(reading, above: beganAnew ? 0 : mark.value)
                else { continue }
                sample.io?[device]?[counter] = nil
                sample.io?[device]?.unread.insert(counter.unread)
                refusals.append(
                    Refusal(
                        "io.stat",
                        "\(counter.meter) of \(device) rose beyond what any device can do"))
            }
        }
        return refusals
    }

    /// Counters that a line leaves out although it has others, unless their mark is at 0.
    ///
    /// The kernel prints all counters of a device or none. If a missing one were read as 0, it
    /// would look as if the device had come back, and everything it had counted would be billed
    /// again.
    private func lacking(_ device: DeviceNumber, _ now: IOCounters) -> [IOCounter] {
        guard IOCounter.allCases.contains(where: { now[$0] != nil }) else { return [] }
        return IOCounter.allCases.filter {
            now[$0] == nil && !now.unread.contains($0.unread)
                && mark(of: .io(device, $0))?.value != 0
        }
    }

    /// Refuses interfaces whose counters rose too far.
    private func refuseNetwork(_ sample: inout Sample) -> [Refusal] {
        guard let network = sample.network else { return [] }
        let last = self.network.flatMap {
            $0.sample.namespace == network.namespace ? $0.sample.counters : nil
        }
        guard last != nil || self.network == nil && networkSince != nil else { return [] }
        var refusals: [Refusal] = []
        for (name, now) in network.counters.interfaces.sorted(by: { $0.key < $1.key })
        where last?.unread.contains(name) != true {
            let before = last?.interfaces[name]
            guard
                isRiseTooMuch(now.receivedBytes, before?.receivedBytes)
                    || isRiseTooMuch(now.sentBytes, before?.sentBytes)
            else { continue }
            sample.network?.counters.interfaces[name] = nil
            sample.network?.counters.unread.insert(name)
            refusals.append(
                Refusal("net/dev", "\(name.prefix(60)) carried more than any network can"))
        }
        return refusals
    }

    /// Whether the counters show that a device was removed and came back.
    ///
    /// One counter that fell is enough: the others may already be above their old values.
    public func fell(_ device: DeviceNumber, _ now: IOCounters) -> Bool {
        IOCounter.allCases.contains {
            guard let reading = now.reading($0) else { return false }
            return reading < mark(of: .io(device, $0))?.value ?? 0
        }
    }

    /// Whether a counter of an interface rose too far.
    ///
    /// An interface whose counter is lower than before was created anew and began at 0.
    private func isRiseTooMuch(_ now: Int64, _ before: Int64?) -> Bool {
        isTooMuch(now, above: before.flatMap { $0 <= now ? $0 : nil } ?? 0)
    }

    /// Whether a counter rose further in one tick than any host can use.
    private func isTooMuch(_ reading: Int64, above last: Int64) -> Bool {
        Int128(reading) - Int128(last) >= Advance.mostInOneTick
    }
}
