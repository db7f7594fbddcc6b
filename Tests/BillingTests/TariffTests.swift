import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import Settings
import Billing
import Store
import TestSupport
import Testing
import Units
import Yams

/// A worked example that somebody published, and what it says the month costs.
private struct Example: CustomTestStringConvertible, Decodable {
    struct Use: Decodable {
        var container: String
        var meter: String
        var quantity: String
    }

    var name: String
    var tariff: String?
    var book: String?
    var month: String
    var usage: [Use]
    var exact: [String: String]?
    var net: String

    var testDescription: String { name }

    static let all: [Example] = {
        struct File: Decodable { var examples: [Example] }
        let text = try? String(
            contentsOf: URL(fileURLWithPath: "\(repository)/Tests/Fixtures/tariffs/examples.yaml"),
            encoding: .utf8)
        return text.flatMap { try? YAMLDecoder().decode(File.self, from: $0) }?.examples ?? []
    }()
}

@Suite struct TariffTests {
    @Test func thereAreExamples() { #expect(Example.all.count >= 50) }

    /// Published tariffs give what their providers publish, to the cent.
    @Test(arguments: Example.all)
    fileprivate func publishedExamplesComeToTheCent(example: Example) throws {
        let folder = try TemporaryFolder()
        var path = "\(repository)/config/tariffs/\(example.tariff ?? "").yaml"
        if let book = example.book {
            try folder.write(book, to: "prices.yaml")
            path = "\(folder.path)/prices.yaml"
        }
        let books = try #require(try ContractFiles(reading: [path], in: .utc).books)
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        let month = try #require(Period(month: example.month))
        let tenant = Tenant(
            id: "acme", name: "acme", priceBook: books[0].id, invoiceTo: InvoiceAddress(), match: []
        )
        _ = try store.apply(
            Contract(tenants: [tenant], books: books), isPlan: false, at: month.end)
        let rows = try example.usage.enumerated().map { index, use in
            ImportedUsage(
                period: month, tenant: "acme", container: use.container,
                meter: try #require(Meter(use.meter)),
                quantity: try #require(Int128(use.quantity)), row: index + 2)
        }
        _ = try store.importUsage(rows, at: month.end)
        let draft = try #require(try store.drafts(over: month, tenant: nil).first)
        #expect(draft.currency.text(draft.net) == example.net, "\(draft.lines)")
        for (meter, wanted) in example.exact ?? [:] {
            let sum = draft.lines.filter { $0.meter == meter && $0.kind != .tax }
                .reduce(Rational.zero) { $0 + $1.exactAmount }
            #expect(sum == Rational(decimal: wanted), "\(meter): \(sum)")
        }
    }

    /// Every shipped tariff is one book under the file's name, and each has an example.
    @Test func everyTariffIsSoundAndHasAnExample() throws {
        let folder = URL(fileURLWithPath: "\(repository)/config/tariffs")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files.count >= 15)
        for file in files {
            let books = try ContractFiles(reading: ["\(folder.path)/\(file)"], in: .utc).books
            #expect(books?.map { "\($0.id).yaml" } == [file])
            #expect(Example.all.contains { "\($0.tariff ?? "").yaml" == file }, "\(file)")
        }
    }
}
