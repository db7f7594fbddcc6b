/// The schema's SQL files, in order.
///
/// A shipped file is never edited; a change is a new file.
public enum Migrations {
    public static let all: [(name: String, sql: String)] = [
        ("0001_initial", text(PackageResources._001_initial_sql)),
        ("0002_metering", text(PackageResources._002_metering_sql)),
        ("0003_sealing", text(PackageResources._003_sealing_sql)),
        ("0004_invoicing", text(PackageResources._004_invoicing_sql)),
        ("0005_limits", text(PackageResources._005_limits_sql)),
        ("0006_truth", text(PackageResources._006_truth_sql)),
        ("0007_unmeasured", text(PackageResources._007_unmeasured_sql)),
        ("0008_zones", text(PackageResources._008_zones_sql)),
        ("0009_terms", text(PackageResources._009_terms_sql)),
        ("0010_priced_keys", text(PackageResources._010_priced_keys_sql)),
        ("0011_imports", text(PackageResources._011_imports_sql)),
        ("0012_day_sums", text(PackageResources._012_day_sums_sql)),
        ("0013_storage", text(PackageResources._013_storage_sql)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
