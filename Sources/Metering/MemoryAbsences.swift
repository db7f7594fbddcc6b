import CgroupFormat

extension MemoryStat {
    /// What its formulas lack, by the names of `LedgerMeter.files`.
    ///
    /// Each formula needs keys that the other does not; where both lack some, it is the file.
    public var absences: [String: Absence] {
        guard !missingKeys.isEmpty || !odd.isEmpty else { return [:] }
        let inactiveFile = absence { $0 == "inactive_file" }
        let unreclaimable = absence { $0 != "inactive_file" && !Self.isOnlyShown($0) }
        if inactiveFile != nil, unreclaimable != nil {
            return absence { !Self.isOnlyShown($0) }.map { ["memory.stat": $0] } ?? [:]
        }
        var absences: [String: Absence] = [:]
        absences[LedgerMeter.inactiveFile] = inactiveFile
        absences[LedgerMeter.unreclaimable] = unreclaimable
        return absences
    }

    /// What some of its keys lack; `nil` if nothing.
    private func absence(of isMeant: (String) -> Bool) -> Absence? {
        let missing = missingKeys.filter(isMeant)
        let odd = odd.only(isMeant)
        let lines = missing.isEmpty ? [] : ["no line " + missing.joined(separator: ", ")]
        let all = lines + (odd.isEmpty ? [] : [odd.description])
        guard !all.isEmpty else { return nil }
        return Absence(
            odd.isEmpty ? .incomplete : .malformed, detail: all.joined(separator: "; "))
    }
}
