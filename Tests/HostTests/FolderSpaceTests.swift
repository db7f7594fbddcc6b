import Foundation
import Host
import Metering
import TestSupport
import Testing

@Suite struct FolderSpaceTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(String(repeating: "x", count: 100_000), to: "acme/a")
    }

    private func walked(_ path: String) throws -> Int64? {
        try FolderSpace(opening: "\(folder.path)/\(path)").walk { true }
    }

    /// What `du` counts, which is the peer that every administrator has.
    private func du(_ path: String) throws -> Int64 {
        let (output, process) = (Pipe(), Process())
        process.executableURL = URL(filePath: "/usr/bin/du")
        process.arguments = ["-sx", "--block-size=1", "\(folder.path)/\(path)"]
        process.standardOutput = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return try #require(Int64(text.prefix { $0 != "\t" }))
    }

    @Test func itIsWhatDuCounts() throws {
        for name in 0..<50 { try folder.write("\(name)", to: "acme/deep/er/\(name)") }
        // A hole takes no space.
        let sparse = try FileHandle(forUpdating: URL(filePath: "\(folder.path)/acme/deep/er/1"))
        try sparse.truncate(atOffset: 1 << 30)
        try sparse.close()
        let bytes = try #require(try walked("acme"))
        #expect(bytes == (try du("acme")))
        #expect(bytes >= 100_000 && bytes < 1 << 30)
    }

    @Test func aFileWithTwoNamesCountsOnce() throws {
        let before = try #require(try walked("acme"))
        try FileManager.default.linkItem(
            atPath: "\(folder.path)/acme/a", toPath: "\(folder.path)/acme/b")
        #expect(try walked("acme") == before)
    }

    /// Its owner could point a link anywhere.
    @Test func linksAreNotFollowed() throws {
        try folder.write(String(repeating: "x", count: 1_000_000), to: "other/large")
        let before = try #require(try walked("acme"))
        for (name, target) in [("file", "other/large"), ("folder", "other"), ("loop", "acme")] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/acme/\(name)",
                withDestinationPath: "\(folder.path)/\(target)")
        }
        #expect(try #require(try walked("acme")) < before + 100_000)
        let fault = #expect(throws: Absence.self) { try walked("acme/folder") }
        #expect(fault?.detail == "it is a symbolic link; name the folder that it leads to")
    }

    @Test(arguments: [
        ("none", "No such file or directory"), ("acme/a", "Not a directory"),
    ])
    func whatIsNoFolderIsRefused(path: String, why: String) throws {
        let fault = #expect(throws: Absence.self) { try walked(path) }
        #expect(fault == Absence(.failed, detail: why))
    }

    /// A process has a limited number of descriptors, and a tenant can nest folders for ever.
    @Test func foldersTooDeepAreSaidToBe() throws {
        let path = Array(repeating: "d", count: 401).joined(separator: "/")
        try folder.write("", to: "acme/\(path)/file")
        let fault = #expect(throws: Absence.self) { try walked("acme") }
        #expect(fault?.detail == "folders lie 400 deep in each other")
    }

    @Test func aWalkCanBeEnded() throws {
        for name in 0..<1100 { try folder.write("", to: "acme/many/\(name)") }
        var calls = 0
        let bytes = try FolderSpace(opening: "\(folder.path)/acme").walk {
            calls += 1
            return false
        }
        #expect(bytes == nil && calls == 1)
    }

    /// A folder of no project has no count of its own; that of project 0 is that of all such files.
    @Test func aFolderWithoutProjectIsNotCounted() throws {
        #expect(try FolderSpace(opening: "\(folder.path)/acme").projectSpace() == nil)
    }
}
