import Glibc
import Units

/// The config folder and its files, as far as everybody on the host may write them.
public func writableByAll(in folder: String) -> [String] {
    let files = ["octroi", "prices", "tenants", "limits", "budgets"].map { "\(folder)/\($0).yaml" }
    return ([folder] + files).filter { path in
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IWOTH != 0
    }
}

/// Refuses, for a service, settings that everybody on the host may change.
public func refuseOpenFiles(in folder: String) throws(Fault) {
    guard let path = writableByAll(in: folder).first else { return }
    throw Fault(
        .notPermitted, at: escapingControlCharacters(path),
        problem: "every user may write it, and the service obeys it",
        suggestion: "Take that right away: chmod o-w")
}
