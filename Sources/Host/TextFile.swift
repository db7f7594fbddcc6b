import Glibc
import Units

/// Whether anything is at the path: a link to nowhere, too.
///
/// Taken for missing, it would leave the defaults in force without a word.
///
/// - Throws: `notPermitted` if this user may not see: a file that cannot be seen is not one that is missing.
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
public func readText(_ path: String) throws(Fault) -> String {
    guard let text = String(validating: try readBytes(path), as: UTF8.self) else {
        throw Fault(
            .badData, at: path, problem: "bytes that are not UTF-8",
            suggestion: "Save the file as UTF-8")
    }
    return text
}

/// Reads a file of at most 64 MiB.
public func readBytes(_ path: String) throws(Fault) -> [UInt8] {
    let file = try FileReader(path)
    var bytes: [UInt8] = []
    while true {
        let block = try file.read()
        if block.isEmpty { return bytes }
        guard bytes.count < 64 << 20 else {
            throw Fault(
                .badData, at: path, problem: "more than 64 MiB", suggestion: "Name a text file")
        }
        bytes += block
    }
}
