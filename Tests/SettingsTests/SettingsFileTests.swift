import Foundation
import Settings
import TestSupport
import Testing
import Units

/// Every key of octroi.yaml: its values, its bounds, and mistakes that name line and key.
@Suite struct SettingsFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    private func read(_ text: String) throws -> Settings {
        try folder.write(text, to: "octroi.yaml")
        return try Settings(folder: folder.path)
    }

    @Test func everyKeyIsRead() throws {
        let settings = try read(
            """
            interval: 30s
            store: /srv/octroi.db
            cgroup_root: /mnt/cgroup
            retention:
              samples: 7d
            time_zone: Asia/Kathmandu
            closing:
              gap: block
              audit: print
            enforcement:
              limits: off
              budgets_every: 5m
            storage:
              every: 90m
            seller:
              name: Mine
              address: "1 rue X\\n44000 Nantes"
              country: FR
              vat_id: FR1
              email: a@example.org
              terms: Net 30
              series: A-1
            """)
        var wanted = Settings()
        wanted.intervalMilliseconds = 30_000
        (wanted.store, wanted.cgroupRoot) = ("/srv/octroi.db", "/mnt/cgroup")
        wanted.sampleRetentionMilliseconds = 7 * 86_400_000
        wanted.zone = settings.zone
        wanted.closing = ["gap": "block", "audit": "print"]
        wanted.enforcement.isOn = false
        wanted.enforcement.budgetsEveryMilliseconds = 300_000
        wanted.storageEveryMilliseconds = 5_400_000
        (wanted.seller.name, wanted.seller.country) = ("Mine", "FR")
        wanted.seller.address = "1 rue X\n44000 Nantes"
        (wanted.seller.vatID, wanted.seller.email) = ("FR1", "a@example.org")
        (wanted.seller.terms, wanted.seller.series) = ("Net 30", "A-1")
        #expect(settings == wanted)
        #expect(settings.zone.description == "Asia/Kathmandu")
        // 5 h 45 min east of Greenwich: the day begins at 18:15 UTC.
        let day = settings.zone.day(of: Instant(seconds: 1_795_446_000))
        #expect(day.period.start.seconds % 86_400 == 18 * 3600 + 15 * 60)
        #expect(day.date == "2026-11-23")
    }

    /// A file without content is as good as none, and a key that is left out has its default.
    @Test(arguments: ["", "\n", "# nothing\n", "interval: 10s\n", "retention: {}\n"])
    func whatIsLeftOutHasItsDefault(text: String) throws {
        #expect(try read(text) == Settings())
    }

    @Test(
        arguments: [
            ("storage: { every: 1m }", 60_000), ("storage: { every: 60s }", 60_000),
            ("storage: { every: 60000ms }", 60_000), ("storage: { every: 366d }", 31_622_400_000),
            ("storage: {}", 21_600_000), ("interval: 10s", 21_600_000),
        ] as [(String, Int64)])
    func foldersAreWalkedEvery(text: String, milliseconds: Int64) throws {
        #expect(try read(text).storageEveryMilliseconds == milliseconds)
    }

    @Test(
        arguments: [
            ("retention: { samples: 1h }", 3_600_000), ("retention: { samples: 60m }", 3_600_000),
            ("retention: { samples: 366d }", 31_622_400_000),
        ] as [(String, Int64)])
    func samplesAreKeptFor(text: String, milliseconds: Int64) throws {
        #expect(try read(text).sampleRetentionMilliseconds == milliseconds)
    }

    @Test(
        arguments: [
            ("enforcement: { budgets_every: 1s }", true, 1000),
            ("enforcement: { limits: on }", true, 60_000),
            ("enforcement: { limits: \"off\" }", false, 60_000),
        ] as [(String, Bool, Int64)])
    func enforcementIsRead(text: String, isOn: Bool, milliseconds: Int64) throws {
        let enforcement = try read(text).enforcement
        #expect(enforcement.isOn == isOn && enforcement.budgetsEveryMilliseconds == milliseconds)
    }

    /// Line and key of the first mistake, and what was found there.
    @Test(arguments: [
        ("interval: 10s\nstorage:\n  every: 59s\n", ":3: storage.every", "\"59s\"", "minute"),
        ("storage:\n  every: 367d\n", ":2: storage.every", "\"367d\"", "366d"),
        ("storage: { every: 6 }\n", ":1: storage.every", "\"6\"", "6h"),
        ("storage: { every: -6h }\n", ":1: storage.every", "\"-6h\"", "6h"),
        ("storage: { every: [6h] }\n", ":1: storage.every", "not a single", "one value"),
        ("storage: { evry: 6h }\n", ":1: storage.evry", "unknown key \"evry\"", "every"),
        ("storage: 6h\n", ":1: storage", "not a mapping", "key: value"),
        ("storage:\n", ":1: storage", "not a mapping", "key: value"),
        ("\nstorage:\n  - /srv\n", ":3: storage", "not a mapping", "key: value"),
        ("folders: {}\n", ":1: folders", "unknown key \"folders\"", "storage"),
        ("interval: 0s\n", ":1: interval", "\"0s\"", "10s"),
        ("interval: 10\n", ":1: interval", "\"10\"", "10s"),
        ("interval: 1.5s\n", ":1: interval", "\"1.5s\"", "10s"),
        ("interval: soon\n", ":1: interval", "\"soon\"", "10s"),
        ("retention: { samples: 59m }\n", ":1: retention.samples", "\"59m\"", "hour"),
        ("retention:\n  usage: 30d\n", ":2: retention.usage", "unknown key", "samples"),
        ("retention: 30d\n", ":1: retention", "not a mapping", "key: value"),
        ("store: \"\"\n", ":1: store", "\"\"", "leave the key out"),
        ("cgroup_root: \"\"\n", ":1: cgroup_root", "\"\"", "leave the key out"),
        ("store: [a]\n", ":1: store", "not a single", "one value"),
        ("store: \"a\\0b\"\n", ":1: store", "NUL", "character"),
        ("closing: { gap: ignore }\n", ":1: closing.gap", "\"ignore\"", "block or print"),
        ("closing:\n  gap: print\n  gaps: print\n", ":3: closing.gaps", "unknown key", "parties"),
        ("closing: block\n", ":1: closing", "not a mapping", "key: value"),
        ("enforcement: { limits: yes }\n", ":1: enforcement.limits", "\"yes\"", "on or off"),
        ("enforcement: { limits: true }\n", ":1: enforcement.limits", "\"true\"", "on or off"),
        (
            "enforcement: { budgets_every: 999ms }\n", ":1: enforcement.budgets_every",
            "\"999ms\"", "second"
        ),
        ("enforcement: { budgets: 1m }\n", ":1: enforcement.budgets", "unknown", "budgets_every"),
        ("seller: { nmae: x }\n", ":1: seller.nmae", "unknown key \"nmae\"", "name"),
        ("seller: Mine\n", ":1: seller", "not a mapping", "key: value"),
        ("seller:\n  series: oct\n", ":2: seller.series", "\"oct\"", "capital"),
        ("seller: { series: 1A }\n", ":1: seller.series", "\"1A\"", "capital"),
        ("seller: { series: \"\" }\n", ":1: seller.series", "\"\"", "capital"),
        ("seller: { series: ABCDEFGHIJKLMNOPQRSTU }\n", ":1: seller.series", "RSTU", "capital"),
        ("time_zone: Mars/Olympus\n", ":1: time_zone", "Mars/Olympus", ""),
        ("time_zone: [UTC]\n", ":1: time_zone", "", ""),
        ("- interval\n", ":1", "not a mapping", "key: value"),
        ("interval: 10s\ninterval: 20s\n", ":2", "the key interval twice", "one of them"),
    ])
    func aMistakeNamesLineAndKey(
        text: String, place: String, found: String, suggestion: String
    ) throws {
        let fault = try #require(throws: Fault.self) { try read(text) }
        #expect(fault.kind == .badData)
        #expect(fault.location == "\(folder.path)/octroi.yaml\(place)", "\(fault)")
        #expect(found.isEmpty || fault.problem.contains(found), "\(fault)")
        #expect(!fault.suggestion.isEmpty)
        #expect(suggestion.isEmpty || fault.suggestion.contains(suggestion), "\(fault)")
    }

    @Test(arguments: ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata"])
    func aZoneIsReadByItsName(name: String) throws {
        #expect(try read("time_zone: \(name)\n").zone.description == name)
    }

    @Test func bytesThatAreNoTextAreRefused() throws {
        let path = "\(folder.path)/octroi.yaml"
        try Data(Array("store: ".utf8) + [0xE9, 0x0A]).write(to: URL(fileURLWithPath: path))
        let fault = try #require(throws: Fault.self) { try Settings(folder: folder.path) }
        #expect(fault.kind == .badData && fault.location == path)
        #expect(fault.suggestion.contains("UTF-8"))
    }
}
