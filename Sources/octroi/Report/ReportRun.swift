import ArgumentParser
import BigInt
import Reporting
import Settings
import Store
import Units

/// How a report is printed.
enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case csv
    case json
    case html
}

struct ReportRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a report over a period. It can only read.",
        discussion: """
            csv and json are printed row by row, however many there are. Tables and pages show \
            percentages, money and quantities for people; csv and json have the raw numbers.

            EXAMPLES
              octroi report usage-by-tenant
              octroi report top-containers --month 2026-10 --limit 5
              octroi report daily-cost --month 2026-10 --format html > daily.html
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "table (for people, may change), csv, json or html.")
    var format: ReportFormat = .table

    @Option(help: "Only this tenant. Only for reports that accept :tenant.")
    var tenant: String?

    @Option(help: "Maximum number of rows. Only for reports that accept :limit.")
    var limit: Int64?

    @Option(help: "Give up after this time.")
    var timeout = "60s"

    @Argument(help: "The report's name: octroi report list shows them.")
    var name: String

    /// What a table or a page holds at most.
    private static let mostRows = 20_000

    func run() throws {
        let known = try ReportDefinition.all(in: place.configFolder)
        guard let report = known.first(where: { $0.name == name }) else {
            if name == PriceCompare.reportName { return try comparePrices() }
            throw Fault(
                .wrongUse, at: "report \(quoted(name))", problem: "no report of that name",
                suggestion: "octroi report list shows them")
        }
        let zone = try place.settings().zone
        let period = try when.period(in: zone)
        let parameters = ReportParameters(
            period: period, tenant: tenant, limit: limit, zone: zone)
        try refuseUnused(report)
        let store = try place.store(.read)
        try store.requireTenant(tenant, orNobody: true)
        let seconds = Int(max(1, try milliseconds("--timeout", timeout) / 1000))
        if format == .csv || format == .json {
            var stream: SheetStream?
            try store.report(
                report.sql, parameters, place: report.place, seconds: seconds,
                begin: { columns in
                    stream = SheetStream(columns: columns, as: format == .csv ? .csv : .json)
                    try output(stream?.heading ?? "")
                },
                row: { try output(stream?.text(of: $0.map(\.cell)) ?? "") })
            return try output(stream?.ending ?? "")
        }
        var sheet = Sheet(columns: [], rows: [])
        try store.report(
            report.sql, parameters, place: report.place, seconds: seconds,
            begin: { sheet.columns = $0 },
            row: { row in
                guard sheet.rows.count < Self.mostRows else {
                    throw Fault(
                        .failed, at: "report \(name)", problem: "more than \(Self.mostRows) rows",
                        suggestion: "Print it with --format csv, or ask for less")
                }
                sheet.rows.append(row.map(\.cell))
            })
        sheet.title = (report.title ?? name) + ", \(period.start) to \(period.end)"
        try show(sheet.displayed(report.displays, try store.customUnits()))
    }

    private func show(_ sheet: Sheet) throws(Fault) {
        if format == .html { return try output(sheet.page) }
        try octroi.show(sheet, .table)
    }

    private func refuseUnused(_ report: ReportDefinition) throws(Fault) {
        for (option, isGiven) in [("tenant", tenant != nil), ("limit", limit != nil)]
        where isGiven && !report.sql.contains(":\(option)") {
            throw Fault(
                .wrongUse, at: "--\(option)", problem: "report \(name) does not know it",
                suggestion: "Leave it out, or use :\(option) in the report's SQL")
        }
    }

    /// Prices are not rated in SQL: this report is Octroi's own code.
    private func comparePrices() throws {
        let store = try place.store(.read)
        let zone = try place.settings().zone
        var sheet = try PriceCompare.sheet(
            store, over: when.period(in: zone), tenant, store.bookVersions(), zone)
        switch format {
        case .csv: try octroi.show(sheet, .csv)
        case .json: try octroi.show(sheet, .json)
        case .table, .html:
            sheet.title = PriceCompare.reportTitle
            try show(sheet)
        }
    }
}

extension ReportValue {
    fileprivate var cell: Cell {
        switch self {
        case .none: .none
        case .integer(let number): .integer(Int128(number))
        case .text(let text): .text(text)
        }
    }
}

extension Sheet {
    /// The sheet with what people see in place of raw numbers.
    fileprivate func displayed(
        _ displays: [String: ReportDefinition.Display], _ customUnits: [String: String]
    ) -> Sheet {
        var sheet = self
        for (index, column) in columns.enumerated() {
            guard let display = displays[column] else { continue }
            for row in rows.indices {
                guard let number = rows[row][index].number else { continue }
                func text(_ other: String) -> String {
                    guard let place = columns.firstIndex(of: other),
                        case .text(let text) = rows[row][place]
                    else { return "" }
                    return text
                }
                let shown = display.text(number, text, customUnits)
                sheet.rows[row][index] = .integer(number, display: shown)
            }
            sheet.headings[column] = column.replacing("_permille", with: "")
                .replacing("permille", with: "share").replacing("_minor", with: "")
                .replacing("_us", with: "").replacing("_", with: " ")
        }
        return sheet
    }
}

extension Cell {
    /// A whole number, also one beyond 64 bits, which comes as text.
    fileprivate var number: Int128? {
        switch self {
        case .integer(let number, _): number
        case .text(let text): Int128(text)
        default: nil
        }
    }
}

extension ReportDefinition.Display {
    /// - Parameter text: the value of another column.
    fileprivate func text(
        _ number: Int128, _ text: (String) -> String, _ customUnits: [String: String]
    ) -> String {
        switch self {
        case .quantity(let meter):
            humanQuantity(number, Meter(text(meter))?.dimension, customUnits[text(meter)])
        case .money(let currency):
            Currency(text(currency))?.text(BigInt(number)) ?? "\(number)"
        case .percent: decimalText(BigInt(number), places: 1) + " %"
        case .bytes: humanBytes(number)
        case .microseconds: humanDuration(number)
        }
    }
}
