import App
import Foundation
import Metering
import Reporting
import Settings
import Store
import TestSupport
import Testing
import Units

/// How the functions find and open what they need: settings, and the store of the right host.
@Suite struct OpeningTests {
    /// A function that only reads makes no store, and says where there is none.
    @Test func withoutAStoreNothingIsReadAndNoneIsMade() throws {
        let firm = try Firm()
        let path = "\(firm.folder.path)/none.db"
        let app = firm.other(store: path)
        let january = try month(1)
        let readers: [() throws -> Void] = [
            { _ = try app.tenants() }, { _ = try app.tenant("acme") }, { _ = try app.prices() },
            { _ = try app.assignments() }, { _ = try app.budgets() },
            { _ = try app.usage(over: january, by: .tenant) },
            { _ = try app.draftInvoices(over: january) }, { _ = try app.invoices() },
            { _ = try app.invoice("OCT-000001") }, { _ = try app.verifyInvoices() },
            { try app.explainInvoice("OCT-000001") { _ in } },
            { try app.exportInvoices(InvoiceQuery(), as: .csv) { _ in } },
            { _ = try app.limitHistory() }, { _ = try app.verifyLimitHistory() },
            { _ = try app.audit() }, { _ = try app.containers(LiveQuery()) },
            { _ = try app.liveView(LiveQuery()) }, { _ = try app.isolation(LiveQuery()) },
            { try app.streamSamples(SampleWords(container: "web"), as: .csv) { _ in } },
            { _ = try app.report(ReportQuery("usage-by-tenant", over: january)) },
            { _ = try app.comparePrices(over: january, tenant: nil, files: []) },
            { _ = try app.verifyStore() }, { _ = try app.checkStore() },
            { _ = try app.storeInfo() }, { try app.backUpStore(to: "\(path)-copy") },
            // These write, but have nothing to do without a store.
            { _ = try app.rebuildStore() }, { _ = try app.adoptStore() },
            { _ = try app.pruneStore(olderThan: 1000) },
            { _ = try app.planLimits(of: "acme", ["cpu=1"], LimitOptions(root: firm.tree)) },
        ]
        for read in readers { try refusal(.unavailable, at: path) { try read() } }
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(!FileManager.default.fileExists(atPath: "\(path)-copy"))
    }

    @Test(arguments: ["a text, and no database: " + String(repeating: "x", count: 4096), ""])
    func anotherFileIsNoStore(text: String) throws {
        let firm = try Firm()
        let path = try firm.file("other.db", text)
        try refusal(.badData, at: path) { try firm.other(store: path).tenants() }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    /// `--db` takes precedence over `store:` in octroi.yaml.
    @Test func theStoreIsTheOneThatWasNamed() throws {
        let firm = try Firm()
        try firm.folder.write("store: \(firm.folder.path)/own.db\n", to: "config/octroi.yaml")
        let own = App(configFolder: firm.config) { _ in }
        try refusal(.unavailable, at: "\(firm.folder.path)/own.db") { try own.tenants() }
        _ = try own.apply(ApplyRequest())
        _ = try own.removeTenant("lab")
        #expect(try own.tenants().map(\.id) == ["acme"])
        #expect(try firm.app.tenants().map(\.id) == ["acme", "lab"])
    }

    @Test func withoutAFileAllSettingsHaveTheirDefaults() throws {
        let firm = try Firm()
        let bare = firm.other(config: "\(firm.folder.path)/nowhere")
        #expect(try bare.settings() == Settings())
        #expect(try bare.zone() == .utc)
    }

    /// A mistake in octroi.yaml is found by whoever needs it, before anything is written.
    @Test func aMistakeInTheSettingsStopsEveryFunction() throws {
        let firm = try Firm()
        try firm.folder.write("interval: 10s\nzone: UTC\n", to: "config/octroi.yaml")
        let place = "\(firm.config)/octroi.yaml:2"
        for call in [
            { _ = try firm.app.settings() }, { _ = try firm.app.zone() },
            { _ = try firm.app.apply(ApplyRequest()) },
            { _ = try firm.app.draftInvoices(over: month(1)) },
            { _ = try firm.app.issueInvoices(over: month(1)) },
            { _ = try firm.app.period(PeriodWords()) },
            { _ = try firm.use("acme", "web", 5, over: month(1)) },
        ] as [() throws -> Void] {
            let fault = try refusal(.badData) { try call() }
            #expect(fault.location.hasPrefix(place), "\(fault)")
        }
        #expect(try firm.sql("SELECT 'x' FROM usage") == [])
    }

    /// A copy has the same limits and invoices, so it is said that it is one.
    @Test func aCopyOfTheStoreIsSaidToBeOne() throws {
        let firm = try Firm()
        let copy = "\(firm.folder.path)/copy.db"
        try firm.app.backUpStore(to: copy)
        #expect(firm.notices.take() == ["\(copy): 1 ledger entries, no damage"])
        let app = firm.other(store: copy)
        // Whoever only reads is not told.
        _ = try app.tenants()
        #expect(firm.notices.take() == [])
        _ = try app.removeTenant("lab")
        let said = firm.notices.take()
        #expect(said.count == 1)
        #expect(said[0].contains("a backup of") && said[0].contains("store adopt"))
    }

    /// Months of another zone begin at other times, so some hours would be billed twice or never.
    @Test func anotherZoneThanThatOfTheLastInvoiceIsSaid() throws {
        let firm = try Firm()
        try firm.use("acme", "web", coreHour, over: month(1))
        _ = try firm.app.issueInvoices(over: month(1))
        _ = firm.notices.take()
        try firm.folder.write(
            Firm.seller + "time_zone: Europe/Paris\n", to: "config/octroi.yaml")
        let later = try month(3)
        for call in [
            { _ = try firm.app.draftInvoices(over: later) },
            { _ = try firm.app.issueInvoices(over: later) },
            { _ = try firm.app.apply(ApplyRequest()) },
        ] as [() throws -> Void] {
            try call()
            let said = firm.notices.take()
            let isSaid = said.contains { $0.hasPrefix("time_zone is Europe/Paris, and the last") }
            #expect(isSaid, "\(said)")
        }
    }

    /// An older store is brought to the newest schema by the first function that writes.
    @Test func anOlderStoreIsUpgradedAndItsCopyIsNamed() throws {
        let firm = try Firm()
        let path = "\(firm.folder.path)/old.db"
        try unpack("store-0.1.0/store.gz", to: path)
        let app = firm.other(store: path)
        try refusal(.badData, at: path) { try app.invoices() }
        // Nothing changes but the schema.
        let upgrade = { _ = try app.addRules(to: "acme", [], keeping: []) }
        try upgrade()
        let said = firm.notices.take()
        let copy = try #require(said.first { $0.contains("newer schema") })
        let old = String(copy[(copy.range(of: "old store is ")?.upperBound ?? copy.endIndex)...])
        #expect(old.hasPrefix("\(path).schema-"))
        #expect(FileManager.default.fileExists(atPath: old))
        #expect(try app.invoices().count == 18)
        _ = firm.notices.take()
        try upgrade()
        #expect(!firm.notices.take().contains { $0.contains("newer schema") })
    }
}
