import GRDB
import Metering
import Units

extension Store {
    /// The measurements of a folder in a period, in the order of time.
    ///
    /// - Parameter container: the row of the folder's account.
    public func storageReadings(
        of container: Int64, over period: Period
    ) throws(Fault) -> [(at: Instant, bytes: Int64)] {
        try read { db in
            try db.rows(
                """
                SELECT at_ms, bytes FROM storage_reading
                WHERE container = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms
                """,
                [container, period.start.milliseconds, period.end.milliseconds]
            ).map { (Instant(milliseconds: $0["at_ms"]), $0["bytes"]) }
        }
    }

    /// The newest measurement of each folder, by any run of the collector.
    ///
    /// - Parameter now: the present, from which times after boot are counted back.
    public func storageReadings(at now: Moment) throws(Fault) -> [StorageReading] {
        try read { db in
            try db.rows(
                """
                SELECT c.path, r.bytes, r.method, max(r.at_ms) AS at_ms
                FROM storage_reading r JOIN container c ON c.id = r.container
                GROUP BY c.path
                """
            ).compactMap { row in
                let path: String = row["path"]
                let age = now.wall.milliseconds - (row["at_ms"] as Int64)
                // A measurement from the future shows a wall clock that was set back since.
                guard path.hasPrefix(StorageReading.prefix), age >= 0,
                    let method = StorageReading.Method(rawValue: row["method"])
                else { return nil }
                return StorageReading(
                    String(path.dropFirst(StorageReading.prefix.count)), bytes: row["bytes"],
                    by: method, at: now.bootMicroseconds - age * 1000)
            }
        }
    }
}
