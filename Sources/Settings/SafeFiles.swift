import Glibc
import Units

/// Whether anything is at the path: a link to nowhere, too.
///
/// Taken for missing, it would leave the defaults in force without a word.
///
/// - Throws: `notPermitted` if this user may not see: a file that cannot be seen is not one that is missing.
func isThere(_ path: String) throws(Fault) -> Bool {
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    guard errno == EACCES else { return errno != ENOENT && errno != ENOTDIR }
    throw Fault(
        .notPermitted, at: path, problem: "this user may not look into its folder",
        suggestion:
            "Run it as a user that may, or name another folder with --config or OCTROI_CONFIG")
}

/// The config folder and its files, as far as everybody on the host may write them.
public func writableByAll(in folder: String) -> [String] {
    let files = ["octroi", "prices", "tenants", "limits", "budgets"].map { "\(folder)/\($0).yaml" }
    return ([folder] + files).filter { path in
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IWOTH != 0
    }
}
