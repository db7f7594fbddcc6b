import Foundation
import Glibc
import Units

/// Keeps the cgroup of a tenant's slice, and its counters, while nothing runs in it.
///
/// systemd removes the cgroup of a slice when the slice stops, and the counters are lost. A slice
/// with its own unit file that was started stays active until somebody stops it.
public enum SliceKeeper {
    /// Writes a unit file for a slice unless one exists, then enables and starts the slice.
    ///
    /// - Parameters:
    ///   - slice: the slice's name, such as `tenant-acme.slice`.
    ///   - folder: where administrators put unit files.
    /// - Returns: what was done, as words for the operator.
    /// - Throws: `wrongUse` if this is not a slice's name, `notPermitted` if this user may not do
    ///   it, `failed` if systemd refuses.
    public static func keep(_ slice: String, folder: String = "/etc/systemd/system") throws(Fault)
        -> [String]
    {
        guard isName(slice) else {
            throw Fault(
                .wrongUse, at: "--slice", problem: "\"\(slice.prefix(80))\"",
                suggestion: "Write a slice's name, such as tenant-acme.slice")
        }
        var done: [String] = []
        let isShipped = isShipped(slice)
        if try make(slice, folder: folder) { done.append("wrote \(folder)/\(slice)") }
        guard ServiceManager.isSystemd else { return done }
        let bus = try SystemdBus()
        do throws(SystemdBus.Refusal) {
            if !isShipped {
                try bus.call("Reload")
                try bus.call("EnableUnitFiles") {
                    $0.array(of: "s") { $0.add(slice) }
                    $0.add(false)
                    $0.add(false)
                }
            }
            try bus.call("StartUnit") {
                $0.add(slice)
                $0.add("replace")
            }
        } catch {
            throw Fault(
                error.isForbidden ? .notPermitted : .failed, at: slice,
                problem: "systemd refused (\(error.message))",
                suggestion: "Run it as root; systemctl status \(slice) says more. Or use --no-unit")
        }
        return done + [(isShipped ? "started \(slice)" : "enabled and started \(slice)")]
    }

    /// Disables a slice and removes the unit file that `keep` wrote.
    ///
    /// Workloads in the slice continue to run. A unit file that somebody else wrote is left alone.
    ///
    /// - Returns: what was done, as words for the operator; empty if the file is not Octroi's.
    /// - Throws: `notPermitted` if this user may not do it, `failed` if systemd refuses.
    public static func letGo(_ slice: String, folder: String = "/etc/systemd/system") throws(Fault)
        -> [String]
    {
        guard isOwn(slice, folder: folder) else { return [] }
        var bus: SystemdBus?
        if ServiceManager.isSystemd { bus = try SystemdBus() }
        do throws(SystemdBus.Refusal) {
            try bus?.call("DisableUnitFiles") {
                $0.array(of: "s") { $0.add(slice) }
                $0.add(false)
            }
        } catch {
            throw Fault(
                error.isForbidden ? .notPermitted : .failed, at: slice,
                problem: "systemd refused (\(error.message))",
                suggestion:
                    "Run as root: systemctl disable \(slice), then remove \(folder)/\(slice)")
        }
        guard unlink("\(folder)/\(slice)") == 0 else {
            throw Fault(
                .notPermitted, at: "\(folder)/\(slice)",
                problem: "it cannot be removed (\(String(cString: strerror(errno))))",
                suggestion: "Remove it as root, then run systemctl daemon-reload")
        }
        // A failed reload does no harm: systemd keeps using the file it has already read.
        _ = try? bus?.call("Reload")
        return ["removed \(folder)/\(slice)"]
    }

    /// Whether a tenant root at a path would include the host's own services or logins.
    ///
    /// Such paths are `/`, `/init.scope`, `/system.slice` and `/user.slice`, and slices below the
    /// latter two.
    public static func isHosts(_ path: String) -> Bool {
        let names = path.split(separator: "/")
        guard let first = names.first, let last = names.last else { return true }
        return first == "init.scope"
            || ["system.slice", "user.slice"].contains(first) && last.hasSuffix(".slice")
    }

    /// Writes a slice's unit file.
    ///
    /// - Returns: false if the distribution ships one or the administrator wrote one.
    static func make(
        _ slice: String, folder: String, shipped: [String] = shippedFolders
    ) throws(Fault) -> Bool {
        if isShipped(slice, in: shipped) { return false }
        return try write(unit(slice), to: "\(folder)/\(slice)")
    }

    /// Where packages install unit files.
    ///
    /// A file in /etc would override them (systemd.unit(5)), so none is written for such a slice.
    static let shippedFolders = [
        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
    ]

    private static func isShipped(_ slice: String, in folders: [String] = shippedFolders) -> Bool {
        folders.contains { access("\($0)/\(slice)", F_OK) == 0 }
    }

    /// The first words of every unit file that Octroi writes; they identify it later.
    private static let mark = "# Made by octroi tenant add"

    /// Whether a slice's unit file was written by `keep`.
    static func isOwn(_ slice: String, folder: String) -> Bool {
        guard isName(slice),
            let data = FileManager.default.contents(atPath: "\(folder)/\(slice)")
        else { return false }
        return String(decoding: data, as: UTF8.self).hasPrefix(mark)
    }

    /// Whether a text is the name of a slice; it becomes part of a file's path.
    static func isName(_ text: String) -> Bool {
        text.hasSuffix(".slice") && text.utf8.count > 6 && text.utf8.count < 256
            && !text.hasPrefix("-") && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || "-_.:@\\".utf8.contains(byte)
            }
    }

    /// The text of a slice's unit file (systemd.slice(5)).
    static func unit(_ slice: String) -> String {
        """
        \(mark): keeps the slice, and its counters, between workloads.
        [Unit]
        Description=Tenant slice \(slice.dropLast(6)), metered by Octroi

        [Slice]
        CPUAccounting=yes
        MemoryAccounting=yes
        IOAccounting=yes
        TasksAccounting=yes

        [Install]
        WantedBy=slices.target

        """
    }

    /// Creates a file.
    ///
    /// - Returns: false if the file exists already.
    /// - Throws: `notPermitted` if it cannot be created, `failed` if the disk is full.
    private static func write(_ text: String, to path: String) throws(Fault) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            if errno == EEXIST { return false }
            throw Fault(
                .notPermitted, at: path,
                problem: "it cannot be written (\(String(cString: strerror(errno))))",
                suggestion: "Run octroi tenant add as root, or with --no-unit")
        }
        defer { close(file) }
        var bytes = Array(text.utf8)
        let count = bytes.withUnsafeMutableBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count else {
            unlink(path)
            throw Fault(
                .failed, at: path, problem: "could not write the whole file",
                suggestion: "Free some space on the disk, then run it again")
        }
        return true
    }
}
