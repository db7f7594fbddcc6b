import CgroupFormat
import Metering
import TestSupport
import Units

@testable import CgroupFS

/// A plain folder that is followed as the kernel's tree is: by events and with last readings.
///
/// No descriptor is kept below the root, because an open file of a plain folder outlives its
/// folder, and one of a removed cgroup does not.
final class EventRig {
    let folder: TemporaryFolder
    let tree: CgroupTree
    let clock = StillClock()
    /// The paths of the tenant roots.
    let roots: Set<String>

    /// - Parameter prepare: makes what is there before the first survey.
    init(roots: Set<String> = [], _ prepare: (EventRig) throws -> Void = { _ in }) throws {
        folder = try TemporaryFolder(inMemory: true)
        tree = CgroupTree(
            root: try CgroupRoot(opening: folder.path), isKernel: true, clock: clock.look)
        tree.budget.left = 0
        self.roots = roots
        try prepare(self)
        _ = survey()
        commit()
    }

    /// Writes the files of a cgroup with a process.
    func set(_ path: String, cpu: Int64, procs: String = "1\n") throws {
        try folder.write("usage_usec \(cpu)\n", to: "\(path)/cpu.stat")
        try folder.write(procs, to: "\(path)/cgroup.procs")
    }

    /// Writes the file by which the kernel says whether processes are left.
    func set(_ path: String, isPopulated: Bool) throws {
        let text = "populated \(isPopulated ? 1 : 0)\nfrozen 0\n"
        try folder.write(text, to: "\(path)/cgroup.events")
    }

    /// Handles all events that wait, and then looks at what a quiet moment is for.
    func settle() {
        tree.events?.drain(tree.take)
        tree.take(.quiet)
    }

    /// Loses all events that wait.
    func loseEvents() { tree.events?.drain { _ in } }

    func survey() -> Survey {
        tree.survey(
            SurveyPlan(
                nesting: {
                    $0.hasSuffix(".scope") ? .one : $0.hasSuffix(".slice") ? .many : .byProcesses
                }, tenantRoots: roots))
    }

    /// Ends a tick whose survey is done, as a collector does that has kept it.
    func commit() {
        tree.seal()
        tree.acknowledge()
    }

    /// Text of a file of a cgroup of the last survey.
    func text(_ file: KernelFile, of index: Int) throws -> String {
        var buffer: [UInt8] = []
        let length = try tree.read(file, of: index, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }
}

/// A clock that stands still until a test moves it.
final class StillClock {
    /// Seconds after boot.
    var seconds: Int64 = 0

    func look() -> Moment { at(seconds) }

    func at(_ seconds: Int64) -> Moment {
        Moment(
            wall: Instant(seconds: 1_795_446_000 + seconds), bootMicroseconds: seconds * 1_000_000)
    }
}

extension Survey {
    /// The place of a cgroup; `nil` if it is not in the survey.
    func index(_ path: String) -> Int? { cgroups.firstIndex { $0.path == path } }

    /// The paths of the accounts that have ended.
    var ended: Set<String> { Set(cgroups.filter(\.hasEnded).map(\.path)) }
}
