import Glibc

/// Creates the file of a store, or a file beside it.
///
/// Its owner and group may read it. The group may also write it if the folder is shared with the
/// group, that is, has mode 2770.
///
/// - Returns: the descriptor, or -1 with `errno`. It is EEXIST if anything is at the path, even a
///   symbolic link.
public func makeStoreFile(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { return descriptor }
    var status = stat()
    // Mode 2770: group write permission, and new files get the folder's group.
    let isShared =
        stat(parentFolder(of: path), &status) == 0 && status.st_mode & S_IWGRP != 0
        && status.st_mode & S_ISGID != 0
    if isShared { fchmod(descriptor, 0o660) }
    return descriptor
}

/// The folder of a path with a slash at its end, or `.`.
public func parentFolder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
}
