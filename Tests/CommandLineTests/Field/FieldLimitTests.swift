import TestSupport
import Testing

/// Wishes for limits that are slips of the key, or can have no effect.
@Suite struct FieldLimitTests {
    /// Plans a change of a tenant whose cgroup has the given limits.
    private func plan(_ words: [String], _ limits: [String: String] = [:]) throws -> ProcessResult {
        let host = try FieldHost(["harbor": "{ root: /crane }"])
        let usual = [
            "cpu.max": "max 100000\n", "memory.max": "max\n", "memory.high": "max\n",
            "memory.swap.max": "max\n", "pids.max": "max\n", "cpu.weight": "100\n",
        ]
        let files = usual.merging(limits, uniquingKeysWith: { $1 })
        try host.cgroup("/crane", files)
        try host.collect()
        return try octroi(
            ["limit", "set", "harbor"] + words + ["--plan", "--root", host.tree],
            store: host.store, config: host.config)
    }

    @Test(
        arguments: [
            (["memory.max=1G", "memory.high=3G"], [:]),
            (["memory.high=3G"], ["memory.max": "1073741824\n"]),
            (["memory.max=1G"], ["memory.high": "3221225472\n"]),
        ] as [([String], [String: String])])
    func memoryHighAboveMemoryMaxIsSaidNeverToTakeHold(
        words: [String], limits: [String: String]
    ) throws {
        let result = try plan(words, limits)
        #expect(result.status == 0)
        let said =
            "memory.high at 3072.0 MiB is above memory.max at 1024.0 MiB: memory.high never takes"
            + " hold"
        #expect(result.output.contains(said), "\(result.output)")
    }

    @Test(arguments: [["memory.high=1G", "memory.max=1G"], ["memory.high=1G", "memory.max=3G"]])
    func memoryHighUpToMemoryMaxIsNothingToSpeakOf(words: [String]) throws {
        let result = try plan(words)
        #expect(result.status == 0 && result.output.contains("1073741824"))
        #expect(!result.output.contains("never takes hold"))
    }

    @Test(
        arguments: [
            ("cpu.max=75000", "75000 cores", "cpu=0.75 for a quota of 75000 µs in each 100000 µs"),
            (
                "cpu.max=75000 50000", "75000 cores",
                "cpu=1.50 for a quota of 75000 µs in each 50000 µs"
            ),
            ("cpu.max=75000/50000", "does not take \"75000/50000\"", "from 0.001 cores"),
            ("cpu.max=max 100000", "does not take \"max 100000\"", "or max"),
            ("cpu=750m", "does not take \"750m\"", "percent of a core"),
            ("cpu=0,75", "does not take \"0,75\"", "percent of a core"),
            ("cpu=0", "does not take \"0\"", "from 0.001 cores"),
            ("memory.max=1GB", "does not take \"1GB\"", "powers of 1024"),
            ("memory.max=18446744073709551616", "does not take", "or max"),
            ("pids.max=0", "does not take \"0\"", "from 1 to 4194304"),
            ("cpu.weight=10001", "does not take \"10001\"", "from 1 to 10000"),
        ])
    func aValueInOtherUnitsIsRefusedWithWhatToWrite(
        word: String, found: String, suggestion: String
    ) throws {
        // It is refused before anything is looked at.
        let result = try octroi(
            ["limit", "set", "harbor", word], store: "/nowhere/octroi.db", config: "/nowhere")
        #expect(result.status == 64 && result.output.isEmpty)
        #expect(result.errors.hasPrefix("octroi: limit \"\(word)\": "), "\(result.errors)")
        #expect(
            result.errors.contains(found) && result.errors.contains(suggestion), "\(result.errors)")
    }

    @Test(arguments: [
        ("cpu=70000", "7000000000 100000", "70000 cores are more than the"),
        ("memory.max=90000T", "98956046499840000", "of this host: it limits nothing"),
        ("cpu=0.001", "1000 1000000", "it may run 1 ms of each 1000 ms"),
    ])
    func aLimitWithoutMeaningOnThisHostIsNamed(
        word: String, value: String, said: String
    ) throws {
        let result = try plan([word])
        #expect(result.status == 0)
        #expect(result.output.contains(value) && result.output.contains(said), "\(result.output)")
    }

    @Test(arguments: ["512", "0"])
    func aLimitBelowWhatCannotBeReclaimedIsRefused(bytes: String) throws {
        let result = try plan(["memory.max=\(bytes)"])
        #expect(result.status == 1)
        let said = "/crane/memory.max: \(bytes) bytes were asked for, and 12288 cannot be reclaimed"
        #expect(result.errors.contains(said), "\(result.errors)")
    }
}
