import Host
import Glibc
import ReportFiles
import Settings
import Units

/// A report: one SELECT, with a header of comments.
struct ReportDefinition {
    /// How people see a column's values.
    enum Display: Equatable {
        /// A quantity of the meter that another column names.
        case quantity(meter: String)
        /// Minor units of the currency that another column names.
        case money(currency: String)
        /// Thousandths as percent.
        case percent
        case bytes
        case microseconds
    }

    var name: String
    var sql: String
    /// The file, or "octroi" for those that come with the binary.
    var place: String

    /// From the header line `-- title: …`.
    var title: String? { header("title").first }
    /// From the header line `-- about: …`.
    var about: String? { header("about").first }
    /// From header lines `-- parameter: NAME: …`.
    var parameters: [String] { header("parameter") }
    /// From header lines `-- column: NAME: …`.
    var columns: [String] { header("column") }

    /// What stands as `display=…` at the end of columns' lines.
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

    private func header(_ key: String) -> [String] {
        let start = "-- \(key): "
        return sql.split(separator: "\n").prefix { $0.hasPrefix("--") }
            .filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    /// Those that come with Octroi and those of the config folder, which win over a like name.
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
