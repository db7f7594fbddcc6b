import GRDB
import GRDBSQLite

/// Adds the SQL functions on bits, which questions call for each of hundreds of thousands of rows.
///
/// - `or_bits(x)`: an aggregate, all bits that are set in any of the integers.
/// - `bit_count(x)`: how many bits of an integer are set.
///
/// They are SQLite's own kind of function, as GRDB's boxes each value.
func addBitFunctions(to db: Database) {
    let (connection, flags) = (db.sqliteConnection, SQLITE_UTF8 | SQLITE_DETERMINISTIC)
    sqlite3_create_function_v2(
        connection, "bit_count", 1, flags, nil,
        { context, _, values in
            let bits = UInt64(bitPattern: sqlite3_value_int64(values?[0]))
            sqlite3_result_int64(context, Int64(bits.nonzeroBitCount))
        }, nil, nil, nil)
    sqlite3_create_function_v2(
        connection, "or_bits", 1, flags, nil, nil,
        { context, _, values in
            // SQLite gives the bytes as zeros at the first row, and frees them by itself.
            let bytes = sqlite3_aggregate_context(context, Int32(MemoryLayout<Int64>.size))
            guard let bytes else { return }
            let bits = bytes.loadUnaligned(as: Int64.self) | sqlite3_value_int64(values?[0])
            bytes.storeBytes(of: bits, as: Int64.self)
        },
        { context in
            let bytes = sqlite3_aggregate_context(context, 0)
            sqlite3_result_int64(context, bytes?.loadUnaligned(as: Int64.self) ?? 0)
        }, nil)
}
