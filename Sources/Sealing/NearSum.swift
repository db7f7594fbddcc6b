/// A column that others nearly add up to: what they lack takes fewer bytes than the column.
public struct NearSum: Sendable {
    private let column: Int
    private let plus: [Int]
    private let minus: [Int]

    /// Columns by their place: `column` is nearly the sum of `plus` less those of `minus`.
    public init(_ column: Int, plus: [Int], minus: [Int] = []) {
        (self.column, self.plus, self.minus) = (column, plus, minus)
    }

    /// Puts the sum of the others less the column in its place; done twice, it is the column again.
    ///
    /// Where a number of one is there and that of another is missing, all stays as it is.
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
