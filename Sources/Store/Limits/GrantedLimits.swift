import GRDB
import Limits
import Units

/// What a tenant's contract grants, as a file says; a limit that is not named is not touched.
public struct GrantedLimits: Sendable {
    public var tenant: String
    public var settings: [LimitKey: LimitValue]
    /// `nil` is reassert.
    public var drift: DriftPolicy?

    public init(tenant: String, settings: [LimitKey: LimitValue], drift: DriftPolicy?) {
        (self.tenant, self.settings, self.drift) = (tenant, settings, drift)
    }
}

/// Wants what a contract grants; what the file granted before and does not name now is let go.
///
/// - Returns: what changed, in words.
func saveLimits(_ db: Database, _ limits: GrantedLimits, at now: Instant) throws -> [String] {
    let known = try db.row(
        "SELECT drift FROM tenant WHERE id = ? AND removed_ms IS NULL",
        [limits.tenant])
    guard let known else {
        throw Fault(
            .badData, at: "limits of tenant \(limits.tenant)", problem: "no such tenant",
            suggestion: "Add it to tenants.yaml, or correct the name")
    }
    var changes: [String] = []
    if known["drift"] != limits.drift?.rawValue {
        try db.run(
            "UPDATE tenant SET drift = ? WHERE id = ?",
            [limits.drift?.rawValue, limits.tenant])
        changes.append(
            "drift of tenant \(limits.tenant): \((limits.drift ?? .reassert).rawValue)")
    }
    let rows = try db.rows(
        "SELECT file, value, source FROM limit_wanted WHERE kind = 'tenant' AND target = ?",
        [limits.tenant])
    var before: [String: Row] = [:]
    for row in rows { before[row["file"]] = row }
    for (key, value) in limits.settings.sorted(by: { $0.key.description < $1.key.description }) {
        let old = before.removeValue(forKey: key.description)
        if old?["value"] == value.description, old?["source"] == "file" { continue }
        try db.run(
            "INSERT OR REPLACE INTO limit_wanted VALUES ('tenant', ?, ?, ?, 'file', ?)",
            [limits.tenant, key.description, value.description, now.milliseconds])
        let was = (old?["value"] as String?).map { ", was \($0)" } ?? ""
        changes.append("limit of tenant \(limits.tenant): \(key) \(value)\(was)")
    }
    for (file, row) in before.sorted(by: { $0.key < $1.key }) where row["source"] == "file" {
        try db.run(
            "DELETE FROM limit_wanted WHERE kind = 'tenant' AND target = ? AND file = ?",
            [limits.tenant, file])
        changes.append("limit of tenant \(limits.tenant): \(file) is no longer wanted, and stays")
    }
    return changes
}
