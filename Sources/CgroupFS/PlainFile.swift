import Glibc
import SystemPackage

/// Accepts a descriptor only if it is a regular file, as all files of a cgroup are.
///
/// - Parameter opened: the result of open(2). It is closed if it is refused.
/// - Returns: the same descriptor.
/// - Throws: the errno of open(2) if `opened` is -1; `EISDIR` for a directory, `ESPIPE` for a FIFO,
///   `EMEDIUMTYPE` for anything else. `Errno.reasonOfFile` explains each in words.
func plainFile(_ opened: Int32) throws(Errno) -> Int32 {
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    var status = stat()
    guard fstat(opened, &status) == 0 else {
        let error = errno
        close(opened)
        throw Errno(rawValue: error)
    }
    let kind = status.st_mode & S_IFMT
    if kind == S_IFREG { return opened }
    close(opened)
    switch kind {
    case S_IFDIR: throw Errno(rawValue: EISDIR)
    case S_IFIFO: throw Errno(rawValue: ESPIPE)
    default: throw Errno(rawValue: EMEDIUMTYPE)
    }
}

extension Errno {
    /// Why a file in a cgroup could not be read, in words for an error message.
    public var reasonOfFile: String {
        switch rawValue {
        case Glibc.EISDIR: "it is a folder, not a file"
        case Glibc.ESPIPE: "it is a FIFO, not a file"
        case Glibc.ELOOP: "it is a symbolic link, which is not followed"
        case Glibc.ENXIO, Glibc.EMEDIUMTYPE: "it is a device, a socket or a FIFO, not a file"
        case Glibc.EFBIG: "it is longer than 1 MiB"
        default: description
        }
    }
}
