import CgroupFS
import Foundation
import Glibc
import Limits

/// Limits that stand for a time, kept by systemd over a daemon-reload.
///
/// A daemon-reload reads every unit from its files, and a property that was only set until the next
/// boot loses to any drop-in of a later name, such as the one in /etc of what was set for good. This
/// one has the last name of all, in /run: it goes with a reboot, as limits that stand for a time do.
struct PassingLimits: Sendable {
    /// `/run/systemd/system`.
    let folder: String

    /// The whole drop-in: exactly these lines; without any there is none.
    ///
    /// - Returns: false if this user may not write it.
    func keep(_ lines: [String], of unit: String) -> Bool {
        guard let section = Self.section(of: unit) else { return false }
        let place = "\(folder)/\(unit).d"
        guard !lines.isEmpty else {
            let isGone = unlink("\(place)/\(Self.name)") == 0 || errno == ENOENT
            // It is somebody else's, too, if there is more in it.
            rmdir(place)
            return isGone
        }
        let text = """
            # Written by octroi: limits that stand for a time, and end with it or a reboot.
            [\(section)]
            \(lines.joined(separator: "\n"))

            """
        guard mkdir(place, 0o755) == 0 || errno == EEXIST else { return false }
        // In one step: systemd may read it at any time.
        return
            (try? Data(text.utf8).write(
                to: URL(fileURLWithPath: "\(place)/\(Self.name)"), options: .atomic)) != nil
    }

    /// Whether a unit has limits that are kept so.
    func has(_ unit: String) -> Bool {
        Self.section(of: unit) != nil && access("\(folder)/\(unit).d/\(Self.name)", F_OK) == 0
    }

    private static let name = "zz-octroi.conf"

    /// The section of the units whose limits are set by files; a scope's are in /run alone.
    private static func section(of unit: String) -> String? {
        if unit.contains("/") { return nil }
        if unit.hasSuffix(".slice") { return "Slice" }
        return unit.hasSuffix(".service") ? "Service" : nil
    }
}

extension Owners {
    /// Keeps what a unit has for a time over a daemon-reload: these limits and no others.
    ///
    /// - Returns: whether they are kept.
    @discardableResult
    public func keepPassing(_ settings: [LimitSetting], of unit: String) -> Bool {
        guard let passing else { return false }
        let properties = settings.flatMap { setting in
            systemdProperties(for: setting, version: version) {
                BlockDevices.isStacked($0) ? nil : BlockDevices.node($0)
            } ?? []
        }
        return passing.keep(properties.map(\.line), of: unit)
    }

    /// Whether a daemon-reload leaves what a unit has for a time.
    public func keepsPassing(of unit: String) -> Bool { passing?.has(unit) ?? false }
}

extension SystemdProperty {
    /// The line of a unit file that says the same (systemd.resource-control(5)).
    var line: String {
        switch value {
        case .number(let number) where name == "CPUQuotaPerSecUSec":
            number == Self.infinity ? "CPUQuota=" : "CPUQuota=\(Self.percent(number))%"
        case .number(let number) where name == "CPUQuotaPeriodUSec":
            number == Self.infinity ? "CPUQuotaPeriodSec=" : "CPUQuotaPeriodSec=\(number)us"
        case .number(let number):
            "\(name)=\(Self.text(number))"
        // `AllowedCPUs=0-3 7`; empty is all.
        case .bits(let bytes):
            "\(name)=" + (bytes.isEmpty ? "" : "\(cpuList(bits: bytes))".replacing(",", with: " "))
        case .device(let path, let number):
            "\(name)=\(path) \(Self.text(number))"
        }
    }

    private static func text(_ number: UInt64) -> String {
        number == infinity ? "infinity" : "\(number)"
    }

    /// µs in a second as percent, with the two decimals that systemd takes.
    private static func percent(_ microseconds: UInt64) -> String {
        let (whole, rest) = (microseconds / 10_000, microseconds % 10_000 / 100)
        return rest == 0 ? "\(whole)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
