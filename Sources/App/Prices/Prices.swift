import Billing
import Host
import Invoicing
import Pricing
import Reporting
import Settings
import Store
import Units

/// Price books, a row each.
public struct PriceFileAnswer: Sendable {
    public var books: [PriceBook]

    public var sheet: Sheet {
        Sheet(
            columns: ["book", "effective", "prices", "currency"],
            rows: books.map {
                [
                    .text($0.id), .time($0.effective), .integer(Int128($0.meters.count)),
                    .text($0.currency.code),
                ]
            })
    }
}

extension App {
    public static let comparisonName = "price-compare"
    static let comparisonTitle = "What the same usage would cost"

    /// Checks a file of price books; nothing is written.
    ///
    /// Notices name every mistake but the first.
    ///
    /// - Throws: the first mistake.
    public func checkPrices(_ file: String) throws(Fault) -> PriceFileAnswer {
        let files = try ContractFiles(checking: [file], in: zone())
        if let first = files.faults.first {
            let shown = files.faults.dropFirst().prefix(20)
            for fault in shown { notify("\(fault)") }
            let more = files.faults.count - 1 - shown.count
            if more > 0 { notify("and \(more) more mistakes") }
            throw first
        }
        let books = try files.requiredBooks(of: file)
        for line in lateStarts(of: books, at: Host.wallTime()) { notify(line) }
        return PriceFileAnswer(books: books)
    }

    /// Every version of every price book in the store, with a row for each price, fee and minimum.
    public func prices() throws(Fault) -> Sheet { priceSheet(try store(.read).bookVersions()) }

    /// What usage costs by each tenant's own book, and by those of files.
    ///
    /// - Throws: `badData` for a file with a mistake, or two with one book.
    public func comparePrices(
        over period: Period, tenant: String?, files: [String]
    ) throws(Fault) -> PriceComparisons {
        let zone = try zone()
        var books: [PriceBook] = []
        for file in files {
            books += try ContractFiles(reading: [file], in: zone).requiredBooks(of: file)
        }
        for (index, book) in books.enumerated()
        where books[..<index].contains(where: { $0.id == book.id && $0.effective == book.effective }
        ) {
            throw Fault(
                .badData, at: "price book \(book.id)", problem: "two of the files contain it",
                suggestion: "Give one of them another id")
        }
        return try comparePrices(over: period, tenant: tenant, books)
    }

    /// What usage costs by each tenant's own book, and by others.
    func comparePrices(
        over period: Period, tenant: String?, _ books: [PriceBook]
    ) throws(Fault) -> PriceComparisons {
        PriceComparisons(
            rows: try store(.read).compare(over: period, tenant: tenant, books, in: zone()))
    }
}

/// What the same usage costs by several price books, before tax and without corrections.
public struct PriceComparisons: Sendable {
    public var rows: [PriceComparison]

    public var sheet: Sheet {
        Sheet(
            columns: ["tenant", "book", "own", "net", "currency", "exact_net", "unpriced"],
            rows: rows.map { comparison in
                let draft = comparison.draft
                let exact = draft.lines.reduce(Rational.zero) { $0 + $1.exactAmount }
                let unpriced = Set(draft.lines.filter { $0.kind == .unpriced }.compactMap(\.meter))
                return [
                    .text(comparison.tenant), .text(comparison.book),
                    .flag(comparison.isOwn), .exact(draft.currency.text(draft.net)),
                    .text(draft.currency.code), .fraction(exact),
                    unpriced.isEmpty ? .none : .text(unpriced.sorted().joined(separator: " ")),
                ]
            }, notInTable: ["exact_net"])
    }
}

extension ContractFiles {
    /// The books of a file that is to have some.
    fileprivate func requiredBooks(of file: String) throws(Fault) -> [PriceBook] {
        guard let books, !books.isEmpty else {
            throw Fault(
                .badData, at: file, problem: "no price book", suggestion: "Write a list of books:")
        }
        return books
    }
}

/// What of price books begins so late that it may be a slip of the key, a line each.
func lateStarts(of books: [PriceBook], at now: Instant) -> [String] {
    let soon = now.advanced(bySeconds: 366 * 86_400)
    return books.flatMap { book in
        let starts = book.effective > soon ? ["takes effect on \(book.effective)"] : []
        let discounts = book.discounts.compactMap(\.from).filter { $0 > soon }
            .map { "has a discount from \($0) on" }
        return (starts + discounts).map {
            "price book \(book.id) \($0), more than a year from now; correct it if that is a slip"
        }
    }
}
