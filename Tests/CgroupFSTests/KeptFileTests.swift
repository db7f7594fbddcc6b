@testable import CgroupFS
import CgroupFormat
import Foundation
import Glibc
import SystemPackage
import Testing

/// A cgroup of this host whose files this user may take away; `nil` without one.
private let folder: String? = {
    guard let mount = try? CgroupMount.find() else { return nil }
    let path = "\(mount)/octroi-test-\(UUID().uuidString.prefix(8))"
    guard mkdir(path, 0o755) == 0 else { return nil }
    defer { rmdir(path) }
    return access("\(path)/cgroup.pressure", W_OK) == 0 ? path : nil
}()

private let hasFolder: Bool = {
    if folder == nil {
        print("skipped: kept files need a cgroup2 mount this user may write, and Linux 6.1")
    }
    return folder != nil
}()

@Suite(.enabled(if: hasFolder, "needs a cgroup2 mount that this user may write, and Linux 6.1"))
struct KeptFileTests {
    /// The kernel ends an open file with the same error whether it takes away the file or the cgroup.
    @Test func aFileThatIsTakenAwayIsToldFromACgroupThatIsGone() throws {
        let path = try #require(folder)
        try #require(mkdir(path, 0o755) == 0)
        defer { rmdir(path) }
        let directory = try CgroupDirectory(path: path)
        try #require(directory.keepFiles(within: .raised()))
        var buffer = [UInt8](repeating: 0, count: 4096)
        func setPressure(_ state: String) throws {
            try directory.write(state, to: "cgroup.pressure")
        }
        #expect(try directory.read(.cpuPressure, into: &buffer) > 0)
        try setPressure("0")
        for _ in 0..<2 {
            #expect(throws: Errno.noSuchFileOrDirectory) {
                try directory.read(.cpuPressure, into: &buffer)
            }
        }
        #expect(try directory.read(.cpuStat, into: &buffer) > 0)
        try setPressure("1")
        directory.forgetMissing()
        #expect(try directory.read(.cpuPressure, into: &buffer) > 0)
        // Away and back between two readings: missing once, as its counters began anew.
        try setPressure("0")
        try setPressure("1")
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try directory.read(.cpuPressure, into: &buffer)
        }
        #expect(try directory.read(.cpuPressure, into: &buffer) > 0)
        try #require(rmdir(path) == 0)
        for file in [KernelFile.cpuPressure, .cpuStat] {
            #expect(throws: Errno(rawValue: ENODEV)) { try directory.read(file, into: &buffer) }
        }
    }
}
