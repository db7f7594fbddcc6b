import CgroupFS
import Glibc
import Host
import Metering
import TestKernel
import TestSupport
import Testing
import Units

@testable import Daemon

/// One collector for one store, and the kernel that it reads.
@Suite struct CollectorLockTests {
    private let folder: TemporaryFolder
    private var store: String { "\(folder.path)/octroi.db" }

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        try folder.write("", to: "octroi.db")
    }

    /// The fault of taking the lock; `nil` if it was free, and is free again.
    private func refusal(_ path: String) -> Fault? {
        do throws(Fault) {
            _ = try CollectorLock(store: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func aSecondOneIsRefusedWithTheProcessThatHoldsIt() throws {
        do {
            let lock = try CollectorLock(store: store)
            for _ in 0..<2 {
                let fault = try #require(refusal(store))
                #expect(fault.kind == .failed && fault.location == store)
                #expect(fault.problem.contains("process \(getpid()) "))
                #expect(!fault.suggestion.isEmpty)
            }
            _ = consume lock
        }
        #expect(refusal(store) == nil, "it ends with its holder")
    }

    @Test func anotherStoreIsAnotherLock() throws {
        try folder.write("", to: "other.db")
        let lock = try CollectorLock(store: store)
        #expect(refusal("\(folder.path)/other.db") == nil)
        _ = consume lock
    }

    /// A store is one, by whatever name it is called.
    @Test func aLinkIsTheSameStore() throws {
        try #require(symlink(store, "\(folder.path)/link.db") == 0)
        let lock = try CollectorLock(store: "\(folder.path)/link.db")
        #expect(refusal(store)?.kind == .failed)
        #expect(refusal("\(folder.path)/./octroi.db")?.kind == .failed)
        _ = consume lock
    }

    /// The lock file is written to, so it must not lead to another file.
    @Test func aLockThatLeadsElsewhereIsNotFollowed() throws {
        try folder.write("precious", to: "file")
        try #require(symlink("\(folder.path)/file", "\(store).collector") == 0)
        #expect(refusal(store)?.kind == .notPermitted)
        #expect(try PlainText("\(folder.path)/file").text == "precious")
        #expect(refusal("\(folder.path)/none/octroi.db")?.kind == .notPermitted)
    }

    /// The kernel of a plain folder is read by the clock that it is given.
    @Test func aPlainFolderIsNoKernelUnlessItIsSaidToBe() throws {
        let clock = RigClock()
        let kernel = try LiveKernel(
            root: CgroupRoot(opening: "\(folder.path)/."), clock: clock.look)
        let path = try CgroupRoot(opening: folder.path).path
        #expect(!kernel.isKernel && kernel.path == path)
        #expect(try kernel.bootID == Host.bootID() && !kernel.bootID.isEmpty)
        #expect(kernel.isIOConserved == isIOConserved(kernelRelease: Host.kernelRelease))
        let first = kernel.beginTick()
        #expect(kernel.now().bootMicroseconds - first.bootMicroseconds == 1000)
        let told = try LiveKernel(root: CgroupRoot(opening: folder.path), isKernel: true)
        #expect(told.isKernel && told.tree.isKernel)
    }

    /// Nothing vouches for the clock of a source that does not say so.
    @Test func aReplayedClockIsNotVouchedFor() throws {
        let kernel = FakeKernel()
        kernel.isClockKept = true
        let file = "\(folder.path)/recording"
        let recorder = try RecordingKernel(kernel, into: file, tenants: [], intervalMilliseconds: 5)
        #expect(recorder.isClockKept, "a recorder passes on what it is told")
        try recorder.finish()
        #expect(try !ReplayKernel(file).isClockKept)
    }
}

/// The text of a file.
private struct PlainText {
    let text: String

    init(_ path: String) throws {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = fread(&bytes, 1, bytes.count, file)
        text = String(decoding: bytes[..<count], as: UTF8.self)
    }
}
