import CgroupFormat
import Limits

/// A resource property of a unit on D-Bus.
///
/// The values are described in systemd.resource-control(5), their D-Bus types in
/// org.freedesktop.systemd1(5).
struct SystemdProperty: Hashable {
    /// A value by its D-Bus type.
    enum Value: Hashable {
        /// Type `t`: bytes, a weight, a count or µs.
        case number(UInt64)
        /// Type `a(st)`: the path of a device node, and a number for this device.
        case device(String, UInt64)
        /// Type `ay`: one bit for each CPU, the lowest bit of the first byte for CPU 0.
        case bits([UInt8])
    }

    /// The name on D-Bus, such as `MemoryMax`.
    var name: String
    var value: Value

    /// The number by which systemd says "no limit", or "not set" for a weight.
    static let infinity = UInt64.max

    init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

    /// Appends the property as an `(sv)` entry to a call of SetUnitProperties.
    func add(to message: inout BusMessage) {
        switch value {
        case .number(let number): message.property(name, "t") { $0.add(number) }
        case .bits(let bytes): message.property(name, "ay") { $0.add(bytes) }
        case .device(let path, let number):
            message.property(name, "a(st)") {
                $0.array(of: "(st)") {
                    $0.structure(of: "st") {
                        $0.add(path)
                        $0.add(number)
                    }
                }
            }
        }
    }
}

/// Expresses a limit as properties of a unit; `nil` if systemd cannot express the value.
///
/// - Parameters:
///   - version: the version of systemd; `nil` is treated as a recent one.
///   - node: gives the path of a device's node, `/dev/vda`; `nil` if the device must not be named.
func systemdProperties(
    for setting: LimitSetting, version: Int? = nil, node: (DeviceNumber) -> String?
) -> [SystemdProperty]? {
    switch (setting.key.definition.systemd, setting.value) {
    case (.cpuQuota, .cpu(let cpu)): return quota(cpu, hasPeriod: version ?? .max >= 242)
    case (.weight(let name), .weight(let weight)): return whole(name, weight)
    case (.bytes(let name, let refusesZero), .number(let limit)):
        return limit == .at(0) && refusesZero ? nil : [.init(name, .number(number(limit)))]
    case (.cpus(let name), .cpus(let list)):
        // AllowedCPUs exists since systemd 244.
        return version ?? .max >= 244 ? [.init(name, .bits(bits(list)))] : nil
    case (.devices, .io(let io)):
        guard let device = setting.key.device, let path = node(device) else { return nil }
        return IOMax.Field.allCases.map {
            SystemdProperty($0.property, .device(path, number(io[$0])))
        }
    default: return nil
    }
}

/// A CPU list as bits, CPU 0 first; empty for all CPUs.
///
/// Example: the list `0-3,9` becomes the two bytes 0x0F 0x02.
private func bits(_ list: CPUList) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (list.ranges.last?.upperBound ?? -1) / 8 + 1)
    if list.ranges.isEmpty { return [] }
    for number in list.numbers { bytes[number / 8] |= 1 << UInt8(number % 8) }
    return bytes
}

/// The inverse of `bits`.
func cpuList(bits bytes: [UInt8]) -> CPUList {
    CPUList(
        numbers: Set(
            bytes.enumerated().flatMap { place, byte in
                (0..<8).filter { byte & 1 << UInt8($0) != 0 }.map { place * 8 + $0 }
            }))
}

/// A CPU quota as properties: µs of CPU time per second, and since systemd 242 the period.
///
/// Example: a quota of 150 ms in a period of 100 ms is 1,500,000 µs per second. `nil` if the rate
/// is not a whole number of µs per second, because systemd would round it.
/// Before systemd 242 only a period of 100 ms can be expressed.
private func quota(_ cpu: CPUMax, hasPeriod: Bool) -> [SystemdProperty]? {
    guard case .at(let quota) = cpu.quota else {
        let none = SystemdProperty("CPUQuotaPerSecUSec", .number(SystemdProperty.infinity))
        // A period that remains set would apply to the next quota, too.
        let period = SystemdProperty("CPUQuotaPeriodUSec", .number(SystemdProperty.infinity))
        return hasPeriod ? [none, period] : [none]
    }
    guard cpu.period > 0 else { return nil }
    // A quota that somebody else wrote may be any 64-bit number, so multiply in 128 bits.
    let (perSecond, rest) = (Int128(quota) * 1_000_000)
        .quotientAndRemainder(dividingBy: Int128(cpu.period))
    guard rest == 0, perSecond > 0, let number = UInt64(exactly: perSecond),
        number != SystemdProperty.infinity
    else { return nil }
    let share = SystemdProperty("CPUQuotaPerSecUSec", .number(number))
    guard hasPeriod else { return cpu.period == 100_000 ? [share] : nil }
    return whole("CPUQuotaPeriodUSec", cpu.period).map { $0 + [share] }
}

/// A signed number as an unsigned property; `nil` if it is negative.
private func whole(_ name: String, _ value: Int64) -> [SystemdProperty]? {
    UInt64(exactly: value).map { [SystemdProperty(name, .number($0))] }
}

/// A limit as systemd's number, with `infinity` for none.
private func number(_ limit: Limit) -> UInt64 {
    switch limit {
    case .max: SystemdProperty.infinity
    case .at(let value): UInt64(clamping: value)
    }
}

extension IOMax.Field {
    /// The name of systemd's property for this field of `io.max`.
    fileprivate var property: String {
        switch self {
        case .readBytes: "IOReadBandwidthMax"
        case .writeBytes: "IOWriteBandwidthMax"
        case .readOps: "IOReadIOPSMax"
        case .writeOps: "IOWriteIOPSMax"
        }
    }
}
