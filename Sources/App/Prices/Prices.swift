import Billing
import Host
import Invoicing
import Pricing
import Reporting
import Settings
import Store
import Units

/// The price books of a file that was checked.
public struct PriceFileAnswer: Sendable {
    /// Every version of every book in the file.
    public var books: [PriceBook]

    /// The books, one row for each version.
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
    /// The name under which the comparison of prices is run as a report.
    public static let comparisonName = "price-compare"
    /// The title of that report.
    static let comparisonTitle = "What the same usage would cost"

    /// Checks a file of price books.
    ///
    /// Nothing is written. If several prices are wrong, the first mistake is thrown, and notices
    /// name up to 20 others. Notices also name books that begin so late that the date may be
    /// mistyped.
    ///
    /// - Parameter file: the path of a YAML file with `books:`.
    /// - Throws: `badData` with line and key of the first mistake.
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

    /// The price books of the store with all their dates, one row for each tier, fee and minimum.
    public func prices() throws(Fault) -> Sheet { priceSheet(try store(.read).bookVersions()) }

    /// Compares what usage costs by each tenant's own price book with other books.
    ///
    /// Nothing is written.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` for all.
    ///   - files: paths of YAML files with `books:`.
    /// - Throws: `badData` for a file with a mistake, if two files have the same version of a book,
    ///   for an unknown tenant, and for a book that begins after the period's start.
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

    /// The same with books that were read before.
    func comparePrices(
        over period: Period, tenant: String?, _ books: [PriceBook]
    ) throws(Fault) -> PriceComparisons {
        PriceComparisons(
            rows: try store(.read).compare(over: period, tenant: tenant, books, in: zone()))
    }
}

/// What the same usage costs by several price books, before taxes and without corrections.
public struct PriceComparisons: Sendable {
    /// For each tenant, its own book first.
    public var rows: [PriceComparison]

    /// The comparisons, one row each; `exact_net` is not rounded.
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
    /// The price books of a file, which must have some.
    ///
    /// - Parameter file: the path, for the fault.
    fileprivate func requiredBooks(of file: String) throws(Fault) -> [PriceBook] {
        guard let books, !books.isEmpty else {
            throw Fault(
                .badData, at: file, problem: "no price book", suggestion: "Write a list of books:")
        }
        return books
    }
}

/// Warnings about price books and discounts that begin more than 366 days from now.
///
/// Such a date is probably mistyped.
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
