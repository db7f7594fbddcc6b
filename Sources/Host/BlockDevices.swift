import CgroupFormat
import Glibc
import Units

/// Looks up the block devices of this host in sysfs.
///
/// Limits and `io.stat` name a device by its numbers (`8:0`), people by a path (`/dev/sda`). This
/// type translates between them and tells physical devices from stacked ones.
public enum BlockDevices {
    /// Whether a device is built on others, whose own `io.stat` lines already count its traffic.
    ///
    /// LVM, dm-crypt and md list the devices below them in `/sys/dev/block/M:m/slaves`. Loop
    /// devices (major 7) are backed by a file and always count as stacked, attached or not. A
    /// device that the host does not know counts as physical.
    public static func isStacked(_ device: DeviceNumber) -> Bool {
        let base = "/sys/dev/block/\(device)"
        if device.major == 7 { return true }
        guard let slaves = opendir("\(base)/slaves") else { return false }
        defer { closedir(slaves) }
        while let entry = readdir(slaves) {
            // Skip "." and "..".
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { return true }
        }
        return false
    }
}

extension BlockDevices {
    /// The path of a device node such as `/dev/vda`; `nil` if the host does not know the device.
    ///
    /// The name is the `DEVNAME` line of `/sys/dev/block/M:m/uevent`.
    public static func node(_ device: DeviceNumber) -> String? {
        guard let text = systemText("/sys/dev/block/\(device)/uevent"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("DEVNAME=") })
        else { return nil }
        return "/dev/\(line.dropFirst(8))"
    }

    /// Finds the device that a limit for a path applies to.
    ///
    /// `io.max` works on whole disks only, so a partition resolves to its disk. overlayfs, btrfs
    /// and zfs report an anonymous device number (major 0); for them the mount table names the
    /// device below.
    ///
    /// - Parameter name: a device node (`/dev/vda1`), any absolute path on a mounted file system
    ///   (`/var/lib`), or device numbers (`8:0`).
    /// - Throws: `wrongUse` if the path does not exist or is not backed by a block device.
    public static func resolve(_ name: String) throws(Fault) -> DeviceNumber {
        if let number = DeviceNumber(name) { return disk(of: number) }
        var status = stat()
        guard name.hasPrefix("/"), stat(name, &status) == 0 else {
            throw fault(name, "there is no such device")
        }
        if status.st_mode & S_IFMT == S_IFBLK { return disk(of: number(UInt64(status.st_rdev))) }
        let number = number(UInt64(status.st_dev))
        if number.major != 0 { return disk(of: number) }
        guard let source = mountSource(of: name), source.hasPrefix("/dev/") else {
            throw fault(name, "it lies on no block device of its own")
        }
        return try resolve(source)
    }

    /// The whole disk that a partition is on; the device itself if it is not a partition.
    private static func disk(of device: DeviceNumber) -> DeviceNumber {
        let base = "/sys/dev/block/\(device)"
        guard access("\(base)/partition", F_OK) == 0,
            let parent = systemText("\(base)/../dev")
        else { return device }
        return DeviceNumber(String(parent.prefix { $0 != "\n" })) ?? device
    }

    /// The source of the mount that contains a path (proc_pid_mountinfo(5)).
    private static func mountSource(of path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        let path = String(cString: resolved)
        guard let table = systemText("/proc/self/mountinfo") else { return nil }
        return Mount.all(in: table).holding(path)?.source
    }

    /// Splits a `dev_t` into major and minor number (makedev(3)).
    private static func number(_ device: UInt64) -> DeviceNumber {
        let major = (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000
        let minor = device & 0xFF | (device >> 12) & 0xFFFF_FF00
        return DeviceNumber(major: Int64(major), minor: Int64(minor))
    }

    private static func fault(_ name: String, _ found: String) -> Fault {
        Fault(
            .wrongUse, at: "io.max=\(escapingControlCharacters(name))", problem: found,
            suggestion: "Name a disk as lsblk shows it, /dev/vda, or its number, 254:0")
    }
}
