import CgroupFS
import Glibc
import Limits
import SystemPackage
import Units

extension LimitedCgroup {
    /// Explains an error of a limit's file: the file, the problem and a suggestion.
    ///
    /// - Parameters:
    ///   - error: the errno of opening, reading or writing the file.
    ///   - root: the path of the tree's root.
    func fault(_ error: Errno, _ key: LimitKey, in root: String) -> Fault {
        let place = "\(root)\(escapingControlCharacters(path))/\(key)"
        switch error {
        case .noSuchFileOrDirectory: return missing(key, place)
        case .permissionDenied, .notPermitted, .readOnlyFileSystem:
            return Fault(
                .notPermitted, at: place, problem: "this user may not touch it (\(error))",
                suggestion: "Run it as root, or have the cgroup delegated to this user")
        case Errno(rawValue: ENODEV):
            // For io.max, ENODEV can also mean that the kernel does not know the disk.
            if case .ioMax(let device) = key, (try? directory.id()) != nil, isThere {
                return Fault(
                    .failed, at: place, problem: "the kernel has no disk \(device)",
                    suggestion: "Name a whole disk as lsblk shows it, not a partition")
            }
            return Fault(
                .failed, at: place, problem: "the cgroup no longer exists",
                suggestion: "Look at octroi containers for what runs now")
        case Errno(rawValue: EISDIR), Errno(rawValue: ESPIPE), Errno(rawValue: ELOOP),
            Errno(rawValue: ENXIO), Errno(rawValue: EMEDIUMTYPE):
            return Fault(
                .failed, at: place, problem: error.reasonOfFile,
                suggestion: "A cgroup has a plain file there: look at what took its place")
        default:
            return Fault(
                .failed, at: place, problem: "the kernel refused (\(error))",
                suggestion: "Check the value against cgroup-v2.rst of this kernel")
        }
    }

    /// Whether the cgroup still exists; the files of a removed one return ENODEV.
    private var isThere: Bool { (try? directory.text(named: "cgroup.controllers")) != nil }

    /// The controllers that are enabled in this cgroup (`cgroup.controllers`).
    var controllers: [String] {
        let text = (try? directory.text(named: "cgroup.controllers")) ?? ""
        return text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// Explains why a limit's file does not exist.
    private func missing(_ key: LimitKey, _ place: String) -> Fault {
        // Files without a controller, such as cgroup.freeze, exist in every cgroup but the root.
        guard let controller = key.controller else {
            return Fault(
                .unavailable, at: place, problem: "there is no \(key.file) here",
                suggestion:
                    "Linux has it in every cgroup but the root, from 5.2 on: name another cgroup")
        }
        let list = controllers
        // The controller is enabled, so the kernel is too old for the file.
        if list.contains(controller) {
            return Fault(
                .unavailable, at: place, problem: "this kernel has no \(key.file) here",
                suggestion: "octroi limit doctor says which limits this host has, and what it takes"
            )
        }
        let on = list.isEmpty ? "none" : list.joined(separator: " ")
        return Fault(
            .unavailable, at: place,
            problem: "the \(controller) controller is not on here (on are: \(on))",
            suggestion: "Write \"+\(controller)\" to cgroup.subtree_control of the parent cgroup; "
                + "octroi limit doctor says whether this host has it on cgroup v2")
    }
}
