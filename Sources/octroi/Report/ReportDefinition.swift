import Glibc
import ReportFiles
import Settings
import Units

/// A report: one SELECT, with a header of comments.
struct ReportDefinition {
    var name: String
    var sql: String
    /// The file, or "octroi" for those that come with the binary.
    var place: String

    /// From the header line `-- title: …`.
    var title: String? { header("title") }
    /// From the header line `-- about: …`.
    var about: String? { header("about") }

    private func header(_ key: String) -> String? {
        let start = "-- \(key): "
        return sql.split(separator: "\n").first { $0.hasPrefix(start) }
            .map { String($0.dropFirst(start.count)) }
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
