import GRDB
import Limits
import Units

/// The limits that a contract grants to a tenant (limits.yaml).
public struct GrantedLimits: Sendable {
    /// The tenant's id.
    public var tenant: String
    /// The granted limits; others are left alone.
    public var settings: [LimitKey: LimitValue]
    /// What to do about drift; `nil` means `reassert`.
    public var drift: DriftPolicy?

    public init(tenant: String, settings: [LimitKey: LimitValue], drift: DriftPolicy?) {
        (self.tenant, self.settings, self.drift) = (tenant, settings, drift)
    }
}

/// Stores what a contract grants as desired limits.
///
/// A limit that the file granted before and does not list now is no longer desired; its present
/// value stays in the kernel.
///
/// - Returns: what changed, as sentences.
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
        // Nothing to do. A limit with this value that a command set becomes one of the file.
        if old?["value"] == value.description, old?["source"] == "file" { continue }
        try db.run(
            "INSERT OR REPLACE INTO limit_wanted VALUES ('tenant', ?, ?, ?, 'file', ?)",
            [limits.tenant, key.description, value.description, now.milliseconds])
        let was = (old?["value"] as String?).map { ", was \($0)" } ?? ""
        changes.append("limit of tenant \(limits.tenant): \(key) \(value)\(was)")
    }
    // What is left was desired before and is not in the file now.
    for (file, row) in before.sorted(by: { $0.key < $1.key }) where row["source"] == "file" {
        try db.run(
            "DELETE FROM limit_wanted WHERE kind = 'tenant' AND target = ? AND file = ?",
            [limits.tenant, file])
        changes.append("limit of tenant \(limits.tenant): \(file) is no longer wanted, and stays")
    }
    return changes
}
