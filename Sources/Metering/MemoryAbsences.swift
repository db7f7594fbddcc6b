import CgroupFormat

extension MemoryStat {
    /// What the memory formulas lack, by the file names of `LedgerMeter.files`.
    ///
    /// `working_set` and `unreclaimable` need different keys of memory.stat. If only one of them
    /// lacks keys, the absence is filed under that formula's own name; if both do, under the whole
    /// file.
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

    /// What is missing or odd among some of the keys; `nil` if nothing is.
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
