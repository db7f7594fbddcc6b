import CgroupFormat
import Units

/// The meters of traffic to and from physical devices, from `io.stat`.
///
/// A tenant root's counters include all below it, so they are distributed among them
/// (`Conservation`), unless the kernel loses some of it (`isIOConserved`).
enum IOMeter {
    /// The four counters of a device, each a meter of its own.
    static let all = [
        meter(.ioReadBytes, .bytes, "read_bytes"), meter(.ioWriteBytes, .bytes, "write_bytes"),
        meter(.ioReadOps, .operations, "read_ops"), meter(.ioWriteOps, .operations, "write_ops"),
    ]

    /// The meter of one counter, whose samples are kept for each device.
    private static func meter(
        _ meter: Meter, _ dimension: Dimension, _ column: String
    ) -> HostMeter {
        HostMeter(counter: meter, dimension, ["io.stat"], .blockStorage, columns: [column])
    }
}

/// Whether the kernel counts the io of a cgroup in every ancestor.
///
/// From Linux 6.2 to 6.9 a grandparent may miss some of it (fixed in 6.10 by commit 9d230c09964e).
/// A tenant root's counter is then no total of what is below it, and containers are billed by their
/// own counters.
///
/// - Parameter release: the release from uname(2), such as `6.1.0-18-cloud-amd64`.
/// - Returns: false as well if the text is no release.
public func isIOConserved(kernelRelease release: String) -> Bool {
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    guard numbers.count == 2 else { return false }
    return numbers[0] != 6 || !(2...9).contains(numbers[1])
}

extension Position {
    /// Starts the account of a device at its first reading, so that its past is not billed.
    ///
    /// Only while io.stat was never read completely. Later, a new device began at 0.
    public mutating func beginDevice(_ device: DeviceNumber, _ sample: Sample, at moment: Moment) {
        guard ioSince == nil, io[device] == nil, let counters = sample.io?[device] else { return }
        io[device] = DeviceMark(counters.beginning, at: moment.bootMicroseconds)
    }

    /// Closes the accounts of devices that lost their line, and notes that io.stat was read.
    ///
    /// - Returns: the devices whose accounts were closed.
    public mutating func settleDevices(_ sample: Sample, at moment: Moment) -> [DeviceNumber] {
        guard sample.devices != nil else { return [] }
        var advance = Advance()
        endDevices(sample, &advance)
        beginIO(sample, moment, hadDevices: !io.isEmpty)
        for device in io.keys where sample.io?[device].map({ $0.unread.isEmpty }) ?? false {
            io[device]?.bootMicroseconds = moment.bootMicroseconds
        }
        return advance.endedDevices
    }

    /// Closes the accounts of devices without a line, if the text is sure to list every device.
    mutating func endDevices(_ sample: Sample, _ advance: inout Advance) {
        guard let devices = sample.devices, !sample.hasUnknownDevices, !io.isEmpty else { return }
        advance.endedDevices = io.keys.filter { devices[$0] == nil }.sorted()
        for device in advance.endedDevices { io[device] = nil }
    }

    /// Bills io up to a reading, device by device.
    ///
    /// At the very first reading of io.stat every device only gets its mark.
    mutating func advanceIO(
        _ sample: Sample, _ moment: Moment, _ advance: inout Advance
    ) {
        guard let devices = sample.devices else { return }
        let (isBaseline, hadDevices) = (ioSince == nil, !io.isEmpty)
        for device in devices.keys.sorted() {
            guard let now = devices[device] else { continue }
            if isBaseline, io[device] == nil {
                io[device] = DeviceMark(now.beginning, at: moment.bootMicroseconds)
            } else {
                advanceDevice(device, now, moment, &advance)
            }
        }
        beginIO(sample, moment, hadDevices: hadDevices)
    }

    /// Bills the io of one device up to a reading.
    mutating func advanceDevice(
        _ device: DeviceNumber, _ now: IOCounters, _ moment: Moment, _ advance: inout Advance
    ) {
        let beganAnew = fell(device, now)
        var (counters, ahead) = (IOCounters(), SIMD4<Int64>.zero)
        for counter in IOCounter.allCases {
            let last = mark(of: .io(device, counter))
            guard let reading = now.reading(counter) else {
                // A counter that was not read stays where it was.
                counters[counter] = beganAnew ? 0 : last?.value
                ahead[counter.rawValue] = beganAnew ? 0 : last?.ahead ?? 0
                continue
            }
            counters[counter] = reading
            // Without a mark this is the counter's first reading.
            guard var last else { continue }
            if beganAnew { last.value = 0 }
            let unbilled = last.due(at: reading)
            advance.add(
                .meter(counter.meter), unbilled, since: last.bootMicroseconds, until: moment)
            ahead[counter.rawValue] = Int64(clamping: max(0, -unbilled))
        }
        if beganAnew {
            // The device was removed and came back: its new account began at 0.
            advance.anomalies.append("io.stat \(device) began anew")
        }
        io[device] = DeviceMark(counters, ahead: ahead, at: moment.bootMicroseconds)
    }

    /// Notes that io.stat was read: a device that first appears later began at 0.
    ///
    /// Not if the text may lack devices, since the past of a device that appears later would be
    /// billed. If the text ends with a device without figures, as on Linux 5.15 and 5.16, it is
    /// trusted the second time.
    mutating func beginIO(_ sample: Sample, _ moment: Moment, hadDevices: Bool) {
        let isBegun =
            switch sample.ioCompleteness {
            case .whole: true
            case .endsIn: ioSince != nil || hadDevices
            case .partial: ioSince != nil
            }
        guard isBegun else { return }
        ioSince = moment.bootMicroseconds
        if case .endsIn(let device) = sample.ioCompleteness, io[device]?.counters == IOCounters() {
            // A device without figures is at 0.
            io[device]?.counters = .zero
        }
    }
}

extension Position {
    /// Refuses counters of devices that rose too far, or that are missing beside others.
    ///
    /// A counter that fell is not refused: its device was removed and came back (`fell`).
    func refuseIO(_ sample: inout Sample) -> [Refusal] {
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
    func lacking(_ device: DeviceNumber, _ now: IOCounters) -> [IOCounter] {
        guard IOCounter.allCases.contains(where: { now[$0] != nil }) else { return [] }
        return IOCounter.allCases.filter {
            now[$0] == nil && !now.unread.contains($0.unread)
                && mark(of: .io(device, $0))?.value != 0
        }
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
}
