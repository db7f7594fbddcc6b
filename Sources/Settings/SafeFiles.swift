import Glibc
import Units

/// The paths of the configuration that every user of the host may write.
///
/// It looks at the folder, and at octroi.yaml, prices.yaml, tenants.yaml, limits.yaml and
/// budgets.yaml in it. A path counts if its mode has the write bit for others (`S_IWOTH`,
/// inode(7)). Symbolic links are followed, and missing files are left out.
public func writableByAll(in folder: String) -> [String] {
    let files = ["octroi", "prices", "tenants", "limits", "budgets"].map { "\(folder)/\($0).yaml" }
    return ([folder] + files).filter { path in
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IWOTH != 0
    }
}

/// Refuses a configuration that every user of the host may write.
///
/// The daemon calls this before it reads the configuration. It usually runs as root, so whoever can
/// write these files could change limits of the whole host.
///
/// - Throws: `notPermitted` for the first such path.
public func refuseOpenFiles(in folder: String) throws(Fault) {
    guard let path = writableByAll(in: folder).first else { return }
    throw Fault(
        .notPermitted, at: escapingControlCharacters(path),
        problem: "every user may write it, and the service obeys it",
        suggestion: "Take that right away: chmod o-w")
}
