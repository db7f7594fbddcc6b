import CSystemd
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
        var opened: OpaquePointer?
        guard sd_bus_open_system(&opened) >= 0, let bus = opened else {
            throw fault(slice, "systemd's bus cannot be reached", .unavailable)
        }
        defer { sd_bus_flush_close_unref(bus) }
        try call(bus, "Reload", slice) { _ in 0 }
        try call(bus, "EnableUnitFiles", slice) { message in
            var code = sd_bus_message_open_container(message, CChar(UInt8(ascii: "a")), "s")
            if code >= 0 { code = append(slice, to: message) }
            if code >= 0 { code = sd_bus_message_close_container(message) }
            for _ in 0..<2 where code >= 0 {
                var no: Int32 = 0
                code = sd_bus_message_append_basic(message, CChar(UInt8(ascii: "b")), &no)
            }
            return code
        }
        try call(bus, "StartUnit", slice) { message in
            let code = append(slice, to: message)
            return code < 0 ? code : append("replace", to: message)
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

    private static func append(_ text: String, to message: OpaquePointer?) -> Int32 {
        text.withCString { sd_bus_message_append_basic(message, CChar(UInt8(ascii: "s")), $0) }
    }

    private static func call(
        _ bus: OpaquePointer, _ method: String, _ slice: String,
        _ fill: (OpaquePointer?) -> Int32
    ) throws(Fault) {
        var message: OpaquePointer?
        var code = sd_bus_message_new_method_call(
            bus, &message, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", method)
        defer { sd_bus_message_unref(message) }
        if code >= 0 { code = fill(message) }
        if code >= 0 { code = sd_bus_call(bus, message, 30_000_000, nil, nil) }
        guard code < 0 else { return }
        let isForbidden = code == -EACCES || code == -EPERM
        throw fault(
            slice, "systemd refused \(method) (\(String(cString: strerror(-code))))",
            isForbidden ? .notPermitted : .failed)
    }

    private static func fault(_ slice: String, _ found: String, _ kind: Fault.Kind) -> Fault {
        Fault(
            kind, at: slice, found: found,
            cure: "Run it as root; systemctl status \(slice) says more. Or use --no-unit")
    }
}
