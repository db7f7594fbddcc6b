import Foundation

/// The path of the repository.
public let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

/// The result of a run of the octroi binary.
public struct ProcessResult: Sendable {
    public let status: Int32
    public let output: String
    public let errors: String

    public init(status: Int32, output: String, errors: String) {
        (self.status, self.output, self.errors) = (status, output, errors)
    }

    /// The lines of standard output.
    public var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// The octroi binary that was built beside the tests.
public var octroiPath: String { builtPath("octroi") }

/// A program that was built beside the tests.
public func builtPath(_ name: String) -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent(name).path
}

/// Starts the octroi binary with its own store and config folder.
public func startOctroi(
    _ words: [String], store: String, config: String = "\(repository)/config",
    isRead: Bool = true
) throws -> RunningProcess {
    try RunningProcess(
        octroiPath, words,
        environment: ["OCTROI_DB": store, "OCTROI_CONFIG": config, "TZ": "Asia/Kathmandu"],
        isRead: isRead)
}

/// Runs the octroi binary to its end.
public func octroi(
    _ words: [String], store: String, config: String = "\(repository)/config"
) throws -> ProcessResult {
    let running = try startOctroi(words, store: store, config: config)
    // Standard error stays small, so it can be read after the process has ended.
    let text = running.output.fileHandleForReading.readDataToEndOfFile()
    running.process.waitUntilExit()
    return ProcessResult(
        status: running.process.terminationStatus, output: String(decoding: text, as: UTF8.self),
        errors: running.said())
}

/// Unpacks a gzip file of the fixtures.
public func unpack(_ fixture: String, to path: String) throws {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-dc", "\(repository)/Tests/Fixtures/\(fixture)"]
    process.standardOutput = output
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try bytes.write(to: URL(fileURLWithPath: path))
}
