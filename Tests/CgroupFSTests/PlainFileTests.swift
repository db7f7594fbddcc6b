import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import CgroupFS

/// Only a regular file is a file of a cgroup.
@Suite struct PlainFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    /// The error for what lies at a path; `nil` if it is taken.
    private func refusal(of opened: Int32) -> Errno? {
        do throws(Errno) {
            let taken = try plainFile(opened)
            defer { close(taken) }
            return taken == opened ? nil : .badFileDescriptor
        } catch {
            return error
        }
    }

    @Test func aFileIsTakenAsItIs() throws {
        try folder.write("x", to: "file")
        #expect(refusal(of: open("\(folder.path)/file", O_RDONLY)) == nil)
        try folder.write("", to: "empty")
        #expect(refusal(of: open("\(folder.path)/empty", O_RDWR)) == nil)
    }

    @Test func anythingElseIsNamed() throws {
        #expect(mkfifo("\(folder.path)/fifo", 0o600) == 0)
        let cases: [(Int32, Int32, String)] = [
            (open(folder.path, O_RDONLY), EISDIR, "folder"),
            (open("\(folder.path)/fifo", O_RDONLY | O_NONBLOCK), ESPIPE, "FIFO"),
            (open("/dev/null", O_RDONLY), EMEDIUMTYPE, "device"),
            (socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0), EMEDIUMTYPE, "socket"),
        ]
        for (opened, code, word) in cases {
            let error = refusal(of: opened)
            #expect(error?.rawValue == code)
            #expect(error?.reasonOfFile.contains(word) == true)
        }
    }

    @Test func theErrorOfOpeningIsKept() {
        #expect(refusal(of: open("\(folder.path)/none", O_RDONLY)) == .noSuchFileOrDirectory)
        #expect(refusal(of: open("\(folder.path)/none/x", O_RDONLY)) == .noSuchFileOrDirectory)
    }

    /// What an operator reads says what lies there, and not only a number.
    @Test func eachReasonIsOfItsOwn() {
        let codes = [EISDIR, ESPIPE, ELOOP, ENXIO, EFBIG, EACCES, ENOENT]
        let words = codes.map { Errno(rawValue: $0).reasonOfFile }
        #expect(Set(words).count == codes.count && words.allSatisfy { !$0.isEmpty })
        #expect(Errno(rawValue: EMEDIUMTYPE).reasonOfFile == Errno(rawValue: ENXIO).reasonOfFile)
        #expect(Errno.permissionDenied.reasonOfFile == Errno.permissionDenied.description)
    }
}
