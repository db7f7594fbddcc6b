import Host
import CgroupFS
import Foundation
import Glibc
import Limits

/// Keeps temporary limits of a unit across a daemon-reload, by a drop-in file in /run.
///
/// A daemon-reload reads every unit again from its files. A property that was set until the next
/// boot then loses to drop-ins with a later name, for example the one in /etc that systemd wrote
/// for a permanent limit. This drop-in has the last name of all, `zz-octroi.conf`. It lies in /run,
/// so it disappears with a reboot, as temporary limits do.
struct PassingLimits: Sendable {
    /// The folder of drop-ins, `/run/systemd/system`.
    let folder: String

    /// Writes the whole drop-in of a unit; without lines the drop-in is removed.
    ///
    /// - Returns: false if this user may not write it, or if the unit is neither slice nor service.
    func keep(_ lines: [String], of unit: String) -> Bool {
        guard let section = Self.section(of: unit) else { return false }
        let place = "\(folder)/\(unit).d"
        guard !lines.isEmpty else {
            let isGone = unlink("\(place)/\(Self.name)") == 0 || errno == ENOENT
            // rmdir fails, as it should, if somebody else has a drop-in here.
            rmdir(place)
            return isGone
        }
        let text = """
            # Written by octroi: limits that stand for a time, and end with it or a reboot.
            [\(section)]
            \(lines.joined(separator: "\n"))

            """
        guard mkdir(place, 0o755) == 0 || errno == EEXIST else { return false }
        // Replace the file atomically, because systemd may read it at any time.
        return
            (try? Data(text.utf8).write(
                to: URL(fileURLWithPath: "\(place)/\(Self.name)"), options: .atomic)) != nil
    }

    /// Whether a unit has a drop-in of Octroi now.
    func has(_ unit: String) -> Bool {
        Self.section(of: unit) != nil && access("\(folder)/\(unit).d/\(Self.name)", F_OK) == 0
    }

    private static let name = "zz-octroi.conf"

    /// The section of a unit's file that holds its limits; `nil` for other kinds of units.
    ///
    /// Scopes have no files other than those of systemd in /run, which a daemon-reload does not
    /// drop.
    private static func section(of unit: String) -> String? {
        if unit.contains("/") { return nil }
        if unit.hasSuffix(".slice") { return "Slice" }
        return unit.hasSuffix(".service") ? "Service" : nil
    }
}

extension Owners {
    /// Keeps exactly these temporary limits of a unit across a daemon-reload.
    ///
    /// Limits that systemd cannot express are left out. An empty list removes the drop-in.
    ///
    /// - Returns: whether the drop-in was written.
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

    /// Whether a unit's temporary limits survive a daemon-reload.
    public func keepsPassing(of unit: String) -> Bool { passing?.has(unit) ?? false }
}

extension SystemdProperty {
    /// The line of a unit file that sets this property (systemd.resource-control(5)).
    ///
    /// Example: `CPUQuotaPerSecUSec` of 1,500,000 becomes `CPUQuota=150%`.
    var line: String {
        switch value {
        case .number(let number) where name == "CPUQuotaPerSecUSec":
            number == Self.infinity ? "CPUQuota=" : "CPUQuota=\(Self.percent(number))%"
        case .number(let number) where name == "CPUQuotaPeriodUSec":
            number == Self.infinity ? "CPUQuotaPeriodSec=" : "CPUQuotaPeriodSec=\(number)us"
        case .number(let number):
            "\(name)=\(Self.text(number))"
        // A list of CPUs such as `AllowedCPUs=0-3 7`; empty means all CPUs.
        case .bits(let bytes):
            "\(name)=" + (bytes.isEmpty ? "" : "\(cpuList(bits: bytes))".replacing(",", with: " "))
        case .device(let path, let number):
            "\(name)=\(path) \(Self.text(number))"
        }
    }

    /// A number as unit files write it, with `infinity` for no limit.
    private static func text(_ number: UInt64) -> String {
        number == infinity ? "infinity" : "\(number)"
    }

    /// µs of CPU time per second as percent of a CPU, with the two decimals that systemd reads.
    ///
    /// Example: 123,450 µs per second are 12.34 %; the rest is cut off.
    private static func percent(_ microseconds: UInt64) -> String {
        let (whole, rest) = (microseconds / 10_000, microseconds % 10_000 / 100)
        return rest == 0 ? "\(whole)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
