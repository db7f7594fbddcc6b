/// What is at a path instead of a regular file, in words; `nil` if it is a regular file.
///
/// - Parameter mode: `st_mode` of stat(2). Only the file type bits (`S_IFMT`, inode(7)) are used.
public func otherThanFile(mode: UInt32) -> String? {
    // In order: S_IFREG, S_IFDIR, S_IFIFO, S_IFSOCK, then S_IFCHR and S_IFBLK.
    switch mode & 0o170000 {
    case 0o100000: nil
    case 0o040000: "a folder"
    case 0o010000: "a pipe (FIFO)"
    case 0o140000: "a socket"
    case 0o020000, 0o060000: "a device"
    default: "something else than a file"
    }
}
