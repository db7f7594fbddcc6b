import Foundation
import TestSupport
import Testing
import Units

/// A store of Octroi 0.1.0, with invoices of every kind: what it has issued stays as it is.
@Suite struct OldInvoicesTests {
    private let desk: Desk
    private let fixture = "\(repository)/Tests/Fixtures/store-0.1.0"

    init() throws {
        desk = try Desk()
        try unpack("store-0.1.0/store.gz", to: desk.store)
    }

    private func run(_ words: String...) throws -> String {
        let result = try octroi(words + ["--config", "\(fixture)/config"], store: desk.store)
        #expect(result.status == 0, "\(words): \(result.errors)")
        return result.output
    }

    @Test func whatWasIssuedStaysByteForByteAndIsVerified() throws {
        // The first command that writes brings the store to the newest schema.
        #expect(try run("apply").contains("no change"))
        #expect(try run("invoice", "verify") == "18 invoices verified: all figures agree\n")
        let list = try run("invoice", "list", "--format", "csv")
        let numbers = list.split(separator: "\n").dropFirst().compactMap {
            $0.split(separator: ",").first.map(String.init)
        }
        #expect(numbers.count == 18)
        var all = ""
        for number in numbers {
            all += try run("invoice", "export", number, "--format", "csv")
            all += try run("invoice", "export", number, "--format", "json")
        }
        let before = try String(contentsOfFile: "\(fixture)/invoices.txt", encoding: .utf8)
        #expect(all == before)
    }
}
