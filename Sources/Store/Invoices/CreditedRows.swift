import GRDB

extension ReadTransaction {
    /// The numbers of invoices whose lines were all credited.
    ///
    /// - Parameter seal: a place in the chain of invoices; only credit notes before it count.
    package func creditedInFull(before seal: Int64) throws -> Set<String> {
        try Set(
            db.values(
                String.self,
                """
                SELECT n.credits FROM invoice n JOIN invoice_line l ON l.invoice = n.number
                LEFT JOIN invoice_seal s ON s.invoice = n.number
                WHERE n.credits IS NOT NULL AND l.credits_line IS NOT NULL
                    AND (s.id IS NULL OR s.id < ?)
                GROUP BY n.credits
                HAVING count(*) = (SELECT count(*) FROM invoice_line o
                    WHERE o.invoice = n.credits AND o.kind <> 'tax')
                """, [seal]))
    }

    /// The lines of an invoice that were credited, counted from 1.
    ///
    /// - Parameter note: a credit note; only notes issued before it count. `nil` is all.
    package func creditedLines(of number: String, before note: String? = nil) throws -> Set<Int> {
        try Set(
            db.values(
                Int.self,
                """
                SELECT l.credits_line FROM invoice n JOIN invoice_line l ON l.invoice = n.number
                WHERE n.credits = ?1 AND l.credits_line IS NOT NULL
                    AND (?2 IS NULL OR n.rowid < (SELECT rowid FROM invoice WHERE number = ?2))
                """, [number, note]))
    }

    /// The lines of a credit note, each with the line that it credits; `nil` for a tax line.
    package func linesCredited(by note: String) throws -> [(line: Int, credited: Int?)] {
        try db.rows(
            "SELECT line, credits_line FROM invoice_line WHERE invoice = ? ORDER BY line", [note]
        ).map { ($0["line"], $0["credits_line"]) }
    }
}
