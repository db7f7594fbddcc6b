import Glibc
import TestSupport
import Testing

@testable import CgroupFS

/// Events of a plain folder, which the kernel tells as it tells those of a cgroup tree.
@Suite struct EventQueueTests {
    private let folder: TemporaryFolder
    private let queue: EventQueue

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        queue = try #require(EventQueue())
    }

    private func make(_ name: String) throws {
        try #require(mkdir("\(folder.path)/\(name)", 0o755) == 0)
    }

    private func unmake(_ name: String) throws {
        try #require(rmdir("\(folder.path)/\(name)") == 0)
    }

    private func watch(_ name: String = ".") throws -> Int32 {
        try #require(queue.watch(CgroupDirectory(path: "\(folder.path)/\(name)")))
    }

    /// An event in words, with the place that `watches` gives to its watch.
    private func words(_ event: EventQueue.Event, _ watches: [Int32]) -> String {
        func place(_ watch: Int32) -> String {
            watches.firstIndex(of: watch).map(String.init) ?? "?"
        }
        return switch event {
        case .made(let watch, let name): "\(place(watch)) made \(name.text)"
        case .removed(let watch, let name): "\(place(watch)) removed \(name.text)"
        case .controllersChanged(let watch): "\(place(watch)) controllers"
        case .noticed(let tag): "noticed \(tag)"
        case .overflow: "overflow"
        case .quiet: "quiet"
        }
    }

    private func drained(_ watches: [Int32]) -> [String] {
        var events: [String] = []
        queue.drain { events.append(words($0, watches)) }
        return events
    }

    @Test func foldersAreToldInOrderAndFilesAreNot() throws {
        let watch = try watch()
        #expect(!queue.hasDirectoryEvents)
        try make("a")
        try folder.write("1\n", to: "cgroup.procs")
        try make("b")
        try unmake("a")
        try make("a")
        #expect(queue.hasDirectoryEvents)
        #expect(drained([watch]) == ["0 made a", "0 made b", "0 removed a", "0 made a"])
        #expect(!queue.hasDirectoryEvents && drained([watch]).isEmpty)
    }

    @Test func eachFolderHasAWatchOfItsOwn() throws {
        for name in ["a", "a/deep", "b"] { try make(name) }
        let watches = [try watch("a"), try watch("b")]
        for name in ["a/x", "b/x", "a/deep/x", "c"] { try make(name) }
        #expect(drained(watches) == ["0 made x", "1 made x"])
        queue.unwatch(watches[0])
        for name in ["a/y", "b/y"] { try make(name) }
        #expect(drained(watches) == ["1 made y"])
    }

    /// A watch is that of a folder and not of a path, at which another folder may lie by now.
    @Test func theFolderIsWatchedAndNotItsPath() throws {
        try make("a")
        let directory = try CgroupDirectory(path: "\(folder.path)/a")
        #expect(rename("\(folder.path)/a", "\(folder.path)/old") == 0)
        try make("a")
        let watch = try #require(queue.watch(directory))
        try make("a/wrong")
        try make("old/right")
        #expect(drained([watch]) == ["0 made right"])
    }

    @Test func onlyTheFileOfControllersIsListenedTo() throws {
        for file in ["cgroup.subtree_control", "cgroup.procs", "cgroup.subtree_control2"] {
            try folder.write("cpu\n", to: file)
        }
        let watch = try watch()
        let directory = try CgroupDirectory(path: folder.path)
        try directory.write("5", to: "cgroup.procs")
        try directory.write("+io", to: "cgroup.subtree_control2")
        #expect(drained([watch]).isEmpty)
        try directory.write("+io", to: "cgroup.subtree_control")
        #expect(Set(drained([watch])) == ["0 controllers"])
    }

    @Test(arguments: [
        "new\nline", "é", "e\u{301}", #"dev-\x2d"#, " ", String(repeating: "n", count: 255),
    ])
    func namesAreWhatTheyAre(name: String) throws {
        _ = try watch()
        try make(name)
        var names: [CgroupName] = []
        queue.drain { if case .made(_, let name) = $0 { names.append(name) } }
        #expect(names == [CgroupName(name)])
    }

    /// More events than one read of 64 KiB takes.
    @Test func aFloodIsTakenToItsEnd() throws {
        let watch = try watch()
        let names = (0..<600).map { "\($0)-" + String(repeating: "n", count: 200) }
        for name in names { try make(name) }
        #expect(drained([watch]) == names.map { "0 made \($0)" })
    }

    @Test func aTimeThatIsOverEndsAWaitAfterTheEvents() throws {
        let watch = try watch()
        #expect(queue.wait(until: 0) { _ in } == .deadline)
        try make("a")
        var events: [String] = []
        #expect(queue.wait(until: -5) { events.append(words($0, [watch])) } == .deadline)
        #expect(events.first == "0 made a")
    }

    /// What is deduced from a reading needs a moment at which no event is waiting.
    @Test func quietComesAfterTheLastEvent() throws {
        let (watch, stop, wake) = (try watch(), try Bell(), try Bell())
        queue.stop(at: stop.end, wakeAt: wake.end)
        try make("a")
        try make("b")
        var events: [String] = []
        let end = queue.wait(until: 1 << 50) {
            events.append(words($0, [watch]))
            if case .quiet = $0 { stop.ring() }
        }
        #expect(end == .stopped)
        #expect(events == ["0 made a", "0 made b", "quiet"])
        withExtendedLifetime(wake) {}
    }

    @Test func stoppingAndWakingEndEveryWait() throws {
        let (stop, wake) = (try Bell(), try Bell())
        queue.stop(at: stop.end, wakeAt: wake.end)
        #expect(queue.wait(until: 0) { _ in } == .deadline)
        wake.ring()
        for _ in 0..<2 { #expect(queue.wait(until: 1 << 50) { _ in } == .woken) }
        // A commit that is done is seen to before the stop, which no wait takes away.
        stop.ring()
        #expect(queue.wait(until: 1 << 50) { _ in } == .woken)
        wake.still()
        for until in [0, 1 << 50] as [Int64] {
            #expect(queue.wait(until: until) { _ in } == .stopped)
        }
    }

    /// A stop stays readable, and must not keep a survey from its end.
    @Test func aStopDoesNotHoldUpADrain() throws {
        let (watch, stop, wake) = (try watch(), try Bell(), try Bell())
        queue.stop(at: stop.end, wakeAt: wake.end)
        stop.ring()
        try make("a")
        #expect(drained([watch]) == ["0 made a"])
        #expect(queue.wait(until: 1 << 50) { _ in } == .stopped)
        withExtendedLifetime(wake) {}
    }
}

/// A pipe whose end becomes readable when it is rung.
final class Bell {
    let end: Int32
    private let other: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        (end, other) = (ends[0], ends[1])
    }

    deinit {
        close(end)
        close(other)
    }

    func ring() { _ = write(other, "x", 1) }

    /// Takes back one ring.
    func still() {
        var byte: UInt8 = 0
        _ = read(end, &byte, 1)
    }
}
