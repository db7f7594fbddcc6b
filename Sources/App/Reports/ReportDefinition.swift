import Host
import Glibc
import ReportFiles
import Settings
import Units

/// A report: one `SELECT` in a `.sql` file, described by comments at its start.
///
/// ```sql
/// -- title: Idle
/// -- column: permille: its share of the capacity; display=percent
/// SELECT ...
/// ```
struct ReportDefinition {
    /// How a table shows the values of a column.
    enum Display: Equatable {
        /// A quantity of the meter that another column names.
        case quantity(meter: String)
        /// Minor units of the currency that another column names.
        case money(currency: String)
        /// Thousandths, shown as a percentage with one decimal.
        case percent
        /// Bytes, shown in binary units such as MiB.
        case bytes
        /// Microseconds, shown as a duration.
        case microseconds
    }

    /// The name of the file without `.sql`.
    var name: String
    /// The text of the file, comments included.
    var sql: String
    /// The path of the file; `octroi` for reports that come with Octroi.
    var place: String

    /// The title, from the line `-- title: TEXT`.
    var title: String? { header("title").first }
    /// What the report shows, from the line `-- about: TEXT`.
    var about: String? { header("about").first }
    /// The parameters, from lines `-- parameter: NAMES: TEXT`.
    var parameters: [String] { header("parameter") }
    /// The columns, from lines `-- column: NAME: TEXT`.
    var columns: [String] { header("column") }

    /// How columns are shown, from `display=HOW` at the end of their lines.
    var displays: [String: Display] {
        var displays: [String: Display] = [:]
        for column in columns {
            guard let colon = column.firstIndex(of: ":"),
                let word = column.split(whereSeparator: { $0 == " " || $0 == ";" }).last,
                word.hasPrefix("display=")
            else { continue }
            displays[String(column[..<colon])] = Self.display(String(word.dropFirst(8)))
        }
        return displays
    }

    /// Parses `percent`, `quantity(meter)` and the like; `nil` for an unknown word.
    private static func display(_ text: String) -> Display? {
        let parts = text.split(whereSeparator: { $0 == "(" || $0 == ")" }).map(String.init)
        switch (parts.first, parts.count) {
        case ("quantity", 2): return .quantity(meter: parts[1])
        case ("money", 2): return .money(currency: parts[1])
        case ("percent", 1): return .percent
        case ("bytes", 1): return .bytes
        case ("us", 1): return .microseconds
        default: return nil
        }
    }

    /// The texts of all lines with a key among the comments at the start.
    private func header(_ key: String) -> [String] {
        let start = "-- \(key): "
        return sql.split(separator: "\n").prefix { $0.hasPrefix("--") }
            .filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    /// All reports by name: those that come with Octroi, and those of the config folder.
    ///
    /// A report of the config folder replaces one of the same name.
    ///
    /// - Throws: if a file of the config folder cannot be read.
    static func all(in configFolder: String) throws(Fault) -> [ReportDefinition] {
        var byName: [String: ReportDefinition] = [:]
        for (name, sql) in ReportFiles.all {
            byName[name] = ReportDefinition(name: name, sql: sql, place: "octroi")
        }
        let folder = "\(configFolder)/reports"
        for file in fileNames(folder) where file.hasSuffix(".sql") {
            let name = String(file.dropLast(4))
            let path = "\(folder)/\(file)"
            byName[name] = ReportDefinition(name: name, sql: try readText(path), place: path)
        }
        return byName.values.sorted { $0.name < $1.name }
    }

    /// The names of a folder's entries; none if it does not exist or cannot be read.
    private static func fileNames(_ folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }
}
