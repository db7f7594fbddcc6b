import CgroupFormat
import Glibc
import Limits
import SystemPackage

/// What a host says of itself outside its cgroup tree.
///
/// Everything is asked through values and closures, so that a test can make up a host.
public struct HostFacts {
    /// What Docker's engine says of itself (`GET /info` and `GET /version`).
    public struct Docker: Hashable, Sendable {
        /// `systemd` or `cgroupfs`.
        public var cgroupDriver: String
        /// `1.41`.
        public var apiVersion: String

        public init(cgroupDriver: String, apiVersion: String) {
            (self.cgroupDriver, self.apiVersion) = (cgroupDriver, apiVersion)
        }
    }

    /// The text of a file; `nil` if it is not there or may not be read.
    public var text: (_ path: String) -> String?
    /// The names in a folder, in no order; none if it is not there.
    public var names: (_ folder: String) -> [String]
    /// The kernel's release, as `uname -r` prints it.
    public var release: String
    public var uid: UInt32
    /// systemd's property `Version`, "252.22-1~deb12u1"; `nil` if no systemd runs this host.
    public var systemd: String?
    /// `nil` if no Docker answers.
    public var docker: Docker?

    public init(
        text: @escaping (_ path: String) -> String?,
        names: @escaping (_ folder: String) -> [String], release: String, uid: UInt32,
        systemd: String?, docker: Docker?
    ) {
        (self.text, self.names) = (text, names)
        (self.release, self.uid) = (release, uid)
        (self.systemd, self.docker) = (systemd, docker)
    }

    /// This host.
    public static func live(systemd: String?, docker: Docker?) -> HostFacts {
        var system = utsname()
        uname(&system)
        let release = withUnsafeBytes(of: &system.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return HostFacts(
            text: fileText, names: folderNames, release: release, uid: geteuid(),
            systemd: systemd, docker: docker)
    }
}

extension HostSize {
    /// This host's.
    public static var live: HostSize {
        let (pages, page) = (
            Int64(sysconf(Int32(_SC_PHYS_PAGES))), Int64(sysconf(Int32(_SC_PAGESIZE)))
        )
        let (memory, isTooMuch) = pages.multipliedReportingOverflow(by: page)
        let cores = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let swaps = fileText("/proc/swaps")
        let most = fileText("/proc/sys/kernel/pid_max")?.prefix { $0.isNumber }
        return HostSize(
            cores: cores > 0 ? cores : nil, memory: isTooMuch || memory <= 0 ? nil : memory,
            // The first line is a heading.
            hasSwap: swaps.map(HostSize.hasSwap),
            processes: most.flatMap { Int64($0) })
    }
}

/// The text of a file of `/proc` or `/sys`, up to 1 MiB.
private func fileText(_ path: String) -> String? {
    guard
        let file = try? FileDescriptor.open(
            FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
    else { return nil }
    defer { try? file.close() }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 16_384)
    while bytes.count < 1 << 20 {
        guard let count = try? block.withUnsafeMutableBytes({ try file.read(into: $0) }) else {
            return nil
        }
        if count == 0 { break }
        bytes += block[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func folderNames(_ path: String) -> [String] {
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

/// The first numbers of a version, compared one by one.
///
/// Of a release `6.1.0-25-amd64` or an API version `1.41` the first two count, of a systemd
/// version `252.22-1` the first.
struct Version: Comparable {
    var major: Int
    var minor: Int

    init(_ major: Int, _ minor: Int = 0) { (self.major, self.minor) = (major, minor) }

    /// `nil` if the text has no number.
    init?(_ text: String) {
        let numbers = text.drop { !$0.isNumber }.split(
            maxSplits: 2, omittingEmptySubsequences: false
        ) { $0 == "." }.map { Int($0.prefix { $0.isASCII && $0.isNumber }) }
        guard let first = numbers.first, let major = first else { return nil }
        self.init(major, numbers.dropFirst().first.flatMap { $0 } ?? 0)
    }

    static func < (a: Version, b: Version) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}

extension HostFacts {
    var mounts: [Mount] {
        Mount.all(in: text("/proc/self/mountinfo") ?? "")
    }

    var hasSwap: Bool {
        // The first line is a heading.
        HostSize.hasSwap(text("/proc/swaps") ?? "")
    }
}
