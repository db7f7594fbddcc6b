import CgroupFormat
import Units

/// A reading that no correct kernel gives, so that what it counts is not measured.
public struct Refusal: Hashable, Sendable {
    /// The kernel file it stands in, as an absence names it.
    public var file: String
    /// Why, in words that stay the same while it lasts: of the same text there is one event.
    public var detail: String

    public init(_ file: String, _ detail: String) { (self.file, self.detail) = (file, detail) }
}

extension Position {
    /// Takes out of a sample what cannot follow what this account has read before.
    ///
    /// What is left of the sample is metered. The account stays where it stands, so once the
    /// counter is above that again, nothing is billed twice and nothing is lost.
    public func refuse(from sample: inout Sample) -> [Refusal] {
        refuseCPU(&sample) + refuseIO(&sample) + refuseNetwork(&sample)
    }

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

    /// A device whose counters fell began anew; one that rose beyond reason is not read.
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

    /// Counters that a line leaves out though it has others, and that are not known to stand at 0.
    ///
    /// The kernel prints all of a device or none. Taken for 0, such a counter would seem to have begun
    /// anew, and all it had counted would be billed again.
    private func lacking(_ device: DeviceNumber, _ now: IOCounters) -> [IOCounter] {
        guard IOCounter.allCases.contains(where: { now[$0] != nil }) else { return [] }
        return IOCounter.allCases.filter {
            now[$0] == nil && !now.unread.contains($0.unread)
                && mark(of: .io(device, $0))?.value != 0
        }
    }

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

    /// Whether a device's counters say that it went away and came back.
    ///
    /// One that fell is enough: the others may have passed where they stood.
    public func fell(_ device: DeviceNumber, _ now: IOCounters) -> Bool {
        IOCounter.allCases.contains {
            guard let reading = now.reading($0) else { return false }
            return reading < mark(of: .io(device, $0))?.value ?? 0
        }
    }

    /// Where a counter of an interface stands lower than it did, the interface began anew.
    private func isRiseTooMuch(_ now: Int64, _ before: Int64?) -> Bool {
        isTooMuch(now, above: before.flatMap { $0 <= now ? $0 : nil } ?? 0)
    }

    private func isTooMuch(_ reading: Int64, above last: Int64) -> Bool {
        Int128(reading) - Int128(last) >= Advance.mostInOneTick
    }
}
