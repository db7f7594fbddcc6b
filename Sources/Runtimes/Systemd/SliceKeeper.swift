import Foundation
import Glibc
import Units

/// Keeps a tenant's slice alive.
///
/// systemd takes a slice's cgroup away when it stops, and the counters with it. A slice with a unit
/// file of its own that was started stays until it is stopped.
public enum SliceKeeper {
    /// Writes the slice's unit file, unless there is one, and lets systemd enable and start it.
    ///
    /// - Returns: what was done, in words.
    /// - Throws: `notPermitted` if this user may not, `failed` if systemd refuses.
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

    /// Takes away the unit file that `keep` wrote, and no other; what runs in the slice runs on.
    ///
    /// - Returns: what was done, in words; nothing where the file is another's.
    /// - Throws: `notPermitted` if this user may not, `failed` if systemd refuses.
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
        // Without it systemd goes on with what it has read, which is no harm.
        _ = try? bus?.call("Reload")
        return ["removed \(folder)/\(slice)"]
    }

    /// Whether a tenant root at a path would take the host's own services, logins, or all there is.
    public static func isHosts(_ path: String) -> Bool {
        let names = path.split(separator: "/")
        guard let first = names.first, let last = names.last else { return true }
        return first == "init.scope"
            || ["system.slice", "user.slice"].contains(first) && last.hasSuffix(".slice")
    }

    /// Writes the slice's unit file; false where the distribution ships one, or somebody wrote one.
    static func make(
        _ slice: String, folder: String, shipped: [String] = shippedFolders
    ) throws(Fault) -> Bool {
        if isShipped(slice, in: shipped) { return false }
        return try write(unit(slice), to: "\(folder)/\(slice)")
    }

    /// Where packages put unit files, which one in /etc would override (systemd.unit(5)).
    static let shippedFolders = [
        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
    ]

    private static func isShipped(_ slice: String, in folders: [String] = shippedFolders) -> Bool {
        folders.contains { access("\($0)/\(slice)", F_OK) == 0 }
    }

    private static let mark = "# Made by octroi tenant add"

    /// Whether the unit file is one that `keep` wrote.
    static func isOwn(_ slice: String, folder: String) -> Bool {
        guard isName(slice),
            let data = FileManager.default.contents(atPath: "\(folder)/\(slice)")
        else { return false }
        return String(decoding: data, as: UTF8.self).hasPrefix(mark)
    }

    /// Whether a text names a slice, and nothing else: it becomes part of a path.
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

    /// The unit file of systemd.slice(5).
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

    /// Writes a new file; false if it exists already.
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
                .failed, at: path, problem: "not all could be written",
                suggestion: "Free some space on the disk, then run it again")
        }
        return true
    }
}
