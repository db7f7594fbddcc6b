import CgroupFormat
import Glibc

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
