import CgroupFormat
import Limits

/// A resource property of a unit (systemd.resource-control(5), org.freedesktop.systemd1(5)).
struct SystemdProperty: Hashable {
    enum Value: Hashable {
        case number(UInt64)
        /// By the path of a device node.
        case device(String, UInt64)
        /// A bit for each CPU, the lowest first.
        case bits([UInt8])
    }

    var name: String
    var value: Value

    /// systemd's word for no limit, and for a weight that is not set.
    static let infinity = UInt64.max

    init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

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

/// A limit as properties of a unit; `nil` where systemd has no words for the value.
///
/// - Parameters:
///   - version: of systemd; `nil` is a new one.
///   - node: the path of a device's node.
func systemdProperties(
    for setting: LimitSetting, version: Int? = nil, node: (DeviceNumber) -> String?
) -> [SystemdProperty]? {
    switch (setting.key.definition.systemd, setting.value) {
    case (.cpuQuota, .cpu(let cpu)): return quota(cpu, hasPeriod: version ?? .max >= 242)
    case (.weight(let name), .weight(let weight)): return whole(name, weight)
    case (.bytes(let name, let refusesZero), .number(let limit)):
        return limit == .at(0) && refusesZero ? nil : [.init(name, .number(number(limit)))]
    case (.cpus(let name), .cpus(let list)):
        // Since systemd 244.
        return version ?? .max >= 244 ? [.init(name, .bits(bits(list)))] : nil
    case (.devices, .io(let io)):
        guard let device = setting.key.device, let path = node(device) else { return nil }
        return IOMax.Field.allCases.map {
            SystemdProperty($0.property, .device(path, number(io[$0])))
        }
    default: return nil
    }
}

/// A bit for each CPU, the lowest first; none for all of them.
private func bits(_ list: CPUList) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (list.ranges.last?.upperBound ?? -1) / 8 + 1)
    if list.ranges.isEmpty { return [] }
    for number in list.numbers { bytes[number / 8] |= 1 << UInt8(number % 8) }
    return bytes
}

/// What `bits` made a list of.
func cpuList(bits bytes: [UInt8]) -> CPUList {
    CPUList(
        numbers: Set(
            bytes.enumerated().flatMap { place, byte in
                (0..<8).filter { byte & 1 << UInt8($0) != 0 }.map { place * 8 + $0 }
            }))
}

/// systemd keeps µs of CPU in a second, and since version 242 the period beside it.
private func quota(_ cpu: CPUMax, hasPeriod: Bool) -> [SystemdProperty]? {
    guard case .at(let quota) = cpu.quota else {
        let none = SystemdProperty("CPUQuotaPerSecUSec", .number(SystemdProperty.infinity))
        // A period that stays would stretch the next quota.
        let period = SystemdProperty("CPUQuotaPeriodUSec", .number(SystemdProperty.infinity))
        return hasPeriod ? [none, period] : [none]
    }
    guard cpu.period > 0 else { return nil }
    // A foreign quota may be as large as 64 bits hold.
    let (perSecond, rest) = (Int128(quota) * 1_000_000)
        .quotientAndRemainder(dividingBy: Int128(cpu.period))
    guard rest == 0, perSecond > 0, let number = UInt64(exactly: perSecond),
        number != SystemdProperty.infinity
    else { return nil }
    let share = SystemdProperty("CPUQuotaPerSecUSec", .number(number))
    guard hasPeriod else { return cpu.period == 100_000 ? [share] : nil }
    return whole("CPUQuotaPeriodUSec", cpu.period).map { $0 + [share] }
}

/// systemd's numbers have no sign.
private func whole(_ name: String, _ value: Int64) -> [SystemdProperty]? {
    UInt64(exactly: value).map { [SystemdProperty(name, .number($0))] }
}

private func number(_ limit: Limit) -> UInt64 {
    switch limit {
    case .max: SystemdProperty.infinity
    case .at(let value): UInt64(clamping: value)
    }
}

extension IOMax.Field {
    fileprivate var property: String {
        switch self {
        case .readBytes: "IOReadBandwidthMax"
        case .writeBytes: "IOWriteBandwidthMax"
        case .readOps: "IOReadIOPSMax"
        case .writeOps: "IOWriteIOPSMax"
        }
    }
}
