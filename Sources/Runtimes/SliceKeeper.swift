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
                .wrongUse, at: "--slice", found: "\"\(slice.prefix(80))\"",
                cure: "Write a slice's name, such as tenant-acme.slice")
        }
        var done: [String] = []
        let path = "\(folder)/\(slice)"
        if try write(unit(slice), to: path) { done.append("wrote \(path)") }
        guard ServiceManager.isSystemd else { return done }
        let bus = try SystemdBus()
        do throws(SystemdBus.Refusal) {
            try bus.call("Reload")
            try bus.call("EnableUnitFiles") {
                $0.array(of: "s") { $0.add(slice) }
                $0.add(false)
                $0.add(false)
            }
            try bus.call("StartUnit") {
                $0.add(slice)
                $0.add("replace")
            }
        } catch {
            throw Fault(
                error.isForbidden ? .notPermitted : .failed, at: slice,
                found: "systemd refused (\(error.message))",
                cure: "Run it as root; systemctl status \(slice) says more. Or use --no-unit")
        }
        return done + ["enabled and started \(slice)"]
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
        # Made by octroi tenant add: keeps the slice, and its counters, between workloads.
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

    /// Writes a new file; false if there is one already.
    private static func write(_ text: String, to path: String) throws(Fault) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            if errno == EEXIST { return false }
            throw Fault(
                .notPermitted, at: path,
                found: "it cannot be written (\(String(cString: strerror(errno))))",
                cure: "Run octroi tenant add as root, or with --no-unit")
        }
        defer { close(file) }
        var bytes = Array(text.utf8)
        let count = bytes.withUnsafeMutableBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count else {
            unlink(path)
            throw Fault(
                .failed, at: path, found: "not all could be written",
                cure: "Free some space on the disk, then run it again")
        }
        return true
    }
}
