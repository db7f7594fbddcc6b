import Glibc
import Units

/// Whether anything is at a path; a symbolic link to nowhere counts.
///
/// If such a link were taken for a missing file, the defaults would apply without a word to the
/// operator.
///
/// - Throws: `notPermitted` if this user may not look into the folder. A file that cannot be seen
///   need not be missing.
public func isThere(_ path: String) throws(Fault) -> Bool {
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    guard errno == EACCES else { return errno != ENOENT && errno != ENOTDIR }
    throw Fault(
        .notPermitted, at: path, problem: "this user may not look into its folder",
        suggestion:
            "Run it as a user that may, or name another folder with --config or OCTROI_CONFIG")
}

/// Reads a text file of at most 64 MiB.
///
/// - Throws: `badData` if it is larger, is not UTF-8 or is not a plain file; `notPermitted` or
///   `unavailable` if it cannot be opened.
public func readText(_ path: String) throws(Fault) -> String {
    guard let text = String(validating: try readBytes(path), as: UTF8.self) else {
        throw Fault(
            .badData, at: path, problem: "bytes that are not UTF-8",
            suggestion: "Save the file as UTF-8")
    }
    return text
}

/// Reads a file.
///
/// - Parameter most: the largest size in bytes.
/// - Throws: as `readText` does, except that any bytes are accepted.
public func readBytes(_ path: String, most: Int = 64 << 20) throws(Fault) -> [UInt8] {
    let file = try FileReader(path)
    var bytes: [UInt8] = []
    while true {
        let block = try file.read()
        if block.isEmpty { return bytes }
        bytes += block
        guard bytes.count <= most else {
            throw Fault(
                .badData, at: path, problem: "more than \(most >> 20) MiB",
                suggestion: "Name a text file")
        }
    }
}
