import CgroupFS
import Metering
import Reporting
import Runtimes
import Store
import Units

/// What a host can meter and limit.
public struct DoctorAnswer: Sendable {
    /// One thing that works or does not.
    public struct Check: Sendable {
        /// What was checked, such as `meter io`.
        public var what: String
        /// Whether it works.
        public var works: Bool
        /// Why it works, or why not.
        public var why: String
        /// What to do; `nil` if nothing is necessary.
        public var fix: String?
    }

    /// The path of the cgroup tree.
    public var path: String
    /// Whether the tree is the kernel's, and not a plain folder.
    public var isKernel: Bool
    /// The checks in the order in which they are printed.
    public var checks: [Check]

    /// The checks, one row each.
    public var sheet: Sheet {
        Sheet(
            columns: ["what", "works", "why", "fix"],
            rows: checks.map {
                [.text($0.what), .flag($0.works), .text($0.why), .optional($0.fix)]
            },
            title: "\(path): " + (isKernel ? "a cgroup2 mount" : "a plain folder, not the kernel's")
                + (ServiceManager.isSystemd ? ", systemd runs this host" : ", no systemd here"))
    }
}

extension App {
    /// Checks what this host can meter and limit.
    ///
    /// It also names rules of tenants that can never match, and rules that an earlier tenant's rule
    /// hides.
    ///
    /// - Parameter root: a cgroup2 mount; `nil` for the one in octroi.yaml, or else the host's.
    /// - Throws: `unavailable` if there is no such tree.
    public func doctor(root: String? = nil) throws(Fault) -> DoctorAnswer {
        let root = try CgroupRoot(opening: treePath(root))
        // The store only adds slices and rules to look at, so the check works without one.
        let tenants = (try? store(.read)).flatMap { try? $0.tenants() } ?? []
        var checks = controllerChecks(
            offered: words(try? root.directory.text(of: "cgroup.controllers")),
            enabled: words(try? root.directory.text(of: "cgroup.subtree_control")))
        if root.isKernel {
            for (slice, meters) in SliceAccounting.gaps(of: tenants.flatMap(\.slices)) {
                checks += meters.map {
                    .init(
                        what: "meter \($0) of \(escapingControlCharacters(slice))", works: false,
                        why: "systemd does not account it",
                        fix: SliceAccounting.command(for: slice))
                }
            }
        }
        checks += idleRules(of: tenants).map {
            .init(
                what: $0.place, works: false, why: "it can never match: \($0.why.found)",
                fix: $0.why.suggestion)
        }
        return DoctorAnswer(path: root.path, isKernel: root.isKernel, checks: checks)
    }
}

/// The words of a file; none if it could not be read.
private func words(_ text: String?) -> Set<Substring> {
    Set((text ?? "").split(whereSeparator: \.isWhitespace))
}

/// What the controllers of the root allow.
///
/// - Parameters:
///   - offered: the controllers in `cgroup.controllers`.
///   - enabled: those in `cgroup.subtree_control`, which cgroups below the root have.
private func controllerChecks(
    offered: Set<Substring>, enabled: Set<Substring>
) -> [DoctorAnswer.Check] {
    let parts: [(what: String, controller: String)] = [
        ("meter memory", "memory"), ("meter io", "io"), ("count processes", "pids"),
        ("limit cpu", "cpu"), ("limit memory", "memory"), ("limit processes", "pids"),
    ]
    let cpu = DoctorAnswer.Check(
        what: "meter cpu", works: true, why: "cpu.stat is there without a controller")
    return [cpu]
        + parts.map { part in
            let (works, why, fix) = verdict(part.controller, offered, enabled)
            return DoctorAnswer.Check(what: part.what, works: works, why: why, fix: fix)
        }
}

/// Whether cgroups below the root have a controller, why, and how to get it.
private func verdict(
    _ name: String, _ offered: Set<Substring>, _ enabled: Set<Substring>
) -> (Bool, String, String?) {
    if enabled.contains(Substring(name)) {
        return (true, "the \(name) controller is on below the root", nil)
    }
    if offered.contains(Substring(name)) {
        return (
            false, "the \(name) controller is here but off below the root",
            "echo +\(name) > cgroup.subtree_control"
        )
    }
    return (
        false, "the \(name) controller is not on cgroup v2 (this host keeps it on v1, or off)",
        "boot with systemd.unified_cgroup_hierarchy=1, or cgroup_no_v1=all"
    )
}
