import Metering
import Store
import Daemon
import App
import ArgumentParser
import Foundation
import Units

/// `octroi record`: writes what a collector reads into a file.
///
/// A collector needs a store, so it gets one in a temporary folder, which is removed at the end.
/// From the user's store it takes only the tenants, for their tenant roots.
struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record the kernel's text of every tick in a file.",
        discussion: """
            Reads the counters as octroi collect does, and writes the kernel's text into FILE, \
            compressed. octroi replay computes the same usage from it, on any machine. The store \
            is only read, for the tenants. FILE holds the names and labels of this host's \
            containers.

            EXAMPLES
              octroi record --for 60s strange-kernel.octroi
              zcat strange-kernel.octroi | less
            """)

    @OptionGroup var place: StoreOptions

    @Option(help: "How often to read. Default: 10s, or interval in octroi.yaml.")
    var interval: String?

    @Option(name: .customLong("for"), help: "End after this time. Default: run until stopped.")
    var duration: String?

    @Option(help: "A cgroup2 mount, or a folder with such files. Default: the host's mount.")
    var root: String?

    @Argument(help: ArgumentHelp("The file to write.", valueName: "file"))
    var file: String

    func run() async throws {
        let length = try duration.map { text throws(Fault) in try milliseconds("--for", text) }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("octroi-record-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let scratch = try recordingStore(in: folder, tenants: knownTenants())
        let progress = Progress(isSteady: length != nil)
        var plan = try place.collectorPlan(
            store: scratch, root: root, interval: interval, length: length, onTick: progress.note)
        plan.recording = file
        try await Daemon.collect(plan)
        progress.finish()
    }

    /// The tenants of the store; none if there is no store.
    private func knownTenants() throws(Fault) -> [Tenant] {
        do throws(Fault) {
            return try place.app.tenants()
        } catch {
            guard error.kind == .unavailable else { throw error }
            printError("octroi: no store found, so the recording has no tenant roots")
            return []
        }
    }
}

/// `octroi replay`: meters a recording into a new store.
///
/// Tests and reports of errors use it: a recording gives the same ledger on every machine.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Meter a recording into a new store.",
        discussion: """
            Every replay gives the same usage, byte for byte, on any machine. The tenants of the \
            recording are used, unless the store has tenants already.

            EXAMPLE
              octroi replay --db try.db strange-kernel.octroi && octroi audit --db try.db
            """)

    @OptionGroup var place: StoreOptions

    @Argument(help: ArgumentHelp("A file that octroi record wrote.", valueName: "file"))
    var file: String

    func run() throws {
        let kernel = try ReplayKernel(file)
        try replay(kernel, into: place.app.store(.write))
        printError(
            "octroi: \(kernel.ticks) ticks replayed"
                + (kernel.isCutShort ? "; the recording ends there unexpectedly" : ""))
    }
}
