import CgroupFS
import Glibc
import Limits
import SystemPackage
import Units

extension LimitedCgroup {
    /// Turns an error on a limit's file into where, what and the cure.
    func fault(_ error: Errno, _ key: LimitKey, in root: String) -> Fault {
        let place = "\(root)\(escapingControlCharacters(path))/\(key)"
        switch error {
        case .noSuchFileOrDirectory: return missing(key, place)
        case .permissionDenied, .notPermitted, .readOnlyFileSystem:
            return Fault(
                .notPermitted, at: place, problem: "this user may not touch it (\(error))",
                suggestion: "Run it as root, or have the cgroup delegated to this user")
        case Errno(rawValue: ENODEV):
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

    /// Whether it lives still: a removed cgroup's files give ENODEV.
    private var isThere: Bool { (try? directory.text(named: "cgroup.controllers")) != nil }

    /// The controllers that are on here.
    var controllers: [String] {
        let text = (try? directory.text(named: "cgroup.controllers")) ?? ""
        return text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private func missing(_ key: LimitKey, _ place: String) -> Fault {
        guard let controller = key.controller else {
            return Fault(
                .unavailable, at: place, problem: "there is no \(key.file) here",
                suggestion:
                    "Linux has it in every cgroup but the root, from 5.2 on: name another cgroup")
        }
        let list = controllers
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
