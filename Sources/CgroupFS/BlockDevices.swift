import CgroupFormat
import Glibc
import Units

/// What this host says of its block devices.
public enum BlockDevices {
    /// Whether a device stands on others, whose own lines already count its traffic.
    ///
    /// LVM, dm-crypt and md list their parts in `/sys/dev/block/M:m/slaves`; a loop device (major 7)
    /// stands on a file, whether attached now or not. A device the host does not know counts as
    /// physical.
    public static func isStacked(_ device: DeviceNumber) -> Bool {
        let base = "/sys/dev/block/\(device)"
        if device.major == 7 { return true }
        guard let slaves = opendir("\(base)/slaves") else { return false }
        defer { closedir(slaves) }
        while let entry = readdir(slaves) {
            // Names that begin with a dot are the directory itself and its parent.
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { return true }
        }
        return false
    }
}

extension BlockDevices {
    /// The path of a device's node, `/dev/vda`; `nil` if the host does not know the device.
    ///
    /// By `DEVNAME` in /sys/dev/block/M:m/uevent.
    public static func node(_ device: DeviceNumber) -> String? {
        guard let directory = try? CgroupDirectory(path: "/sys/dev/block/\(device)"),
            let text = try? directory.text(of: "uevent"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("DEVNAME=") })
        else { return nil }
        return "/dev/\(line.dropFirst(8))"
    }

    /// The device that limits of a path go to: of a node, a mount point or `8:0`.
    ///
    /// A partition has no limits of its own: they go to its disk. A file on overlayfs, btrfs or zfs
    /// lies on no device by its own number: it is found by the mount table.
    ///
    /// - Throws: `wrongUse` if the path leads to no block device.
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

    /// The whole disk of a partition; the device itself if it is none.
    private static func disk(of device: DeviceNumber) -> DeviceNumber {
        let base = "/sys/dev/block/\(device)"
        guard access("\(base)/partition", F_OK) == 0,
            let parent = try? CgroupDirectory(path: "\(base)/..").text(of: "dev")
        else { return device }
        return DeviceNumber(String(parent.prefix { $0 != "\n" })) ?? device
    }

    /// What the file system that a path lies on is mounted from (proc_pid_mountinfo(5)).
    private static func mountSource(of path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        let path = String(cString: resolved)
        guard let proc = try? CgroupDirectory(path: "/proc/self"),
            let table = try? proc.text(of: "mountinfo")
        else { return nil }
        return Mount.all(in: table).holding(path)?.source
    }

    /// The numbers of a `dev_t` (makedev(3)).
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
