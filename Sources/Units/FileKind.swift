/// What lies at a path in place of a plain file, by its `st_mode` (inode(7)); `nil` if it is one.
public func otherThanFile(mode: UInt32) -> String? {
    switch mode & 0o170000 {
    case 0o100000: nil
    case 0o040000: "a folder"
    case 0o010000: "a pipe (FIFO)"
    case 0o140000: "a socket"
    case 0o020000, 0o060000: "a device"
    default: "something else than a file"
    }
}
