/// A column that is nearly the sum of others, so that the small rest can be stored instead.
///
/// Example: system time is CPU time less user time, give or take a microsecond of rounding. So 0
/// and 1 are stored instead of large numbers.
public struct NearSum: Sendable {
    /// The index of the column that is replaced.
    private let column: Int
    /// The indices of the columns that are added.
    private let plus: [Int]
    /// The indices of the columns that are subtracted.
    private let minus: [Int]

    /// States that `column` is nearly the sum of `plus` less the sum of `minus`.
    public init(_ column: Int, plus: [Int], minus: [Int] = []) {
        (self.column, self.plus, self.minus) = (column, plus, minus)
    }

    /// Replaces the column by the sum of the others less the column.
    ///
    /// Doing it a second time restores the column, because s - (s - c) is c. Nothing is changed if
    /// one of the columns has missing numbers where another has none.
    public func exchange(_ columns: inout [Column]) {
        let all = plus + minus + [column]
        guard all.allSatisfy({ $0 < columns.count && columns[$0].runs == columns[column].runs })
        else { return }
        let values = columns[column].values.indices.map { index in
            let sum = plus.reduce(0) { $0 &+ columns[$1].values[index] }
            return minus.reduce(sum) { $0 &- columns[$1].values[index] }
                &- columns[column].values[index]
        }
        columns[column] = Column(values: values, runs: columns[column].runs)
    }
}
