import Foundation

/// A process that a test has started, and what it has written to standard error so far.
public final class RunningProcess {
    public let process = Process()
    public let output = Pipe()
    public let errors = Pipe()
    private var bytes: [UInt8] = []

    public var pid: Int32 { process.processIdentifier }

    /// - Parameter isRead: whether anybody reads its standard output.
    public init(
        _ program: String, _ words: [String], environment: [String: String], isRead: Bool = true
    ) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = words
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        if !isRead { try output.fileHandleForReading.close() }
        try process.run()
        // A read does not wait for text that is not written yet.
        let descriptor = errors.fileHandleForReading.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// Everything that it has written to standard error so far; complete once it has ended.
    public func said() -> String {
        var block = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(errors.fileHandleForReading.fileDescriptor, &block, block.count)
            guard count > 0 else { break }
            bytes += block[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// How often standard error has contained a text so far.
    public func count(of text: String) -> Int {
        said().components(separatedBy: text).count - 1
    }

    /// Waits until standard error contains a text.
    public func waitUntilItSays(
        _ text: String, file: String = #fileID, line: Int = #line
    ) throws {
        try eventually("standard error says \"\(text)\"", file: file, line: line) {
            count(of: text) > 0
        }
    }

    /// Asks it to end, and waits until it has ended.
    ///
    /// - Returns: its exit status; `nil` if a signal ended it.
    @discardableResult
    public func stop() -> Int32? {
        if process.isRunning { process.terminate() }
        return end()
    }

    /// Ends it at once, if it has not ended yet.
    public func kill() {
        if process.isRunning { Foundation.kill(pid, SIGKILL) }
        process.waitUntilExit()
    }

    /// Waits until it has ended by itself.
    ///
    /// One that hangs is killed.
    ///
    /// - Returns: its exit status; `nil` if a signal ended it.
    @discardableResult
    public func end() -> Int32? {
        if (try? eventually("it has ended", { !process.isRunning })) == nil { kill() }
        return process.terminationReason == .exit ? process.terminationStatus : nil
    }
}
