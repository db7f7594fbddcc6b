import Glibc

/// The text of a file of /proc or /sys, up to 1 MiB.
///
/// Bytes that are not UTF-8 are replaced.
///
/// - Returns: `nil` if it does not exist, may not be read or is not a plain file.
@Sendable public func systemText(_ path: String) -> String? {
    guard let bytes = try? readBytes(path, most: 1 << 20) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
}

/// The names in a folder in any order, without `.` and `..`; empty if it cannot be read.
@Sendable public func folderNames(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}
