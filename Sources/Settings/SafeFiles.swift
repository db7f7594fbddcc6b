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
    let name = escapingControlCharacters(path)
    throw Fault(
        .notPermitted, at: name, problem: "every user can write it, and the daemon acts on it",
        suggestion: "Run chmod o-w \(name)")
}
