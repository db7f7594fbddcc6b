import Units

extension Sheet {
    /// The sheet as a table for people, in one self-contained HTML page.
    ///
    /// The columns in `above` and `below` are ordinary columns here. The page loads nothing from
    /// elsewhere, and its Content-Security-Policy forbids it to. All texts are escaped, since names
    /// of containers may contain markup.
    public var page: String {
        let shown = columns.indices.filter { !notInTable.contains(columns[$0]) }
        let head = shown.map {
            "<th scope=\"col\">\(html(headings[columns[$0]] ?? columns[$0]))</th>"
        }
        let body = rows.map { row in
            "<tr>" + shown.map { row[$0].htmlCell }.joined() + "</tr>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>\(html(title ?? "Report"))</title>
            <style>
            body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #1a2230; }
            table { border-collapse: collapse; }
            th { text-align: left; border-bottom: 2px solid #23527c; padding: .3em .8em .3em 0; }
            td { border-bottom: 1px solid #dde3ea; padding: .3em .8em .3em 0; overflow-wrap: anywhere; }
            .r { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
            thead { display: table-header-group; }
            tr { break-inside: avoid; }
            @page { size: A4 landscape; margin: 14mm; }
            </style>
            </head>
            <body>
            <h1>\(html(title ?? "Report"))</h1>
            <table>
            <thead><tr>\(head.joined())</tr></thead>
            <tbody>
            \(body.joined(separator: "\n"))
            </tbody>
            </table>
            </body>
            </html>

            """
    }
}

extension Cell {
    /// The value as a `<td>`; numbers are aligned to the right.
    ///
    /// `<bdi>` keeps a name in a right-to-left script from reordering the cells beside it.
    fileprivate var htmlCell: String {
        switch self {
        case .none: "<td>–</td>"
        case .text: "<td><bdi>\(html(shown))</bdi></td>"
        case .integer, .exact, .rational, .fraction: "<td class=\"r\">\(html(shown))</td>"
        case .flag: "<td>\(shown)</td>"
        }
    }
}

/// Escapes a text for the content of HTML elements and for quoted attributes.
///
/// Characters that a terminal obeys are escaped as well. The text is processed by Unicode scalars:
/// as a Swift `Character`, `<` followed by a combining accent would not equal `<`.
func html(_ text: String) -> String {
    escapingTerminalControls(text).unicodeScalars.map { scalar in
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&quot;"
        case "'": "&#39;"
        default: String(scalar)
        }
    }.joined()
}
