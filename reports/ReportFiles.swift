/// The report definitions that come with the binary, by name.
public enum ReportFiles {
    public static let all: [(name: String, sql: String)] = [
        ("capacity", text(PackageResources.capacity_sql)),
        ("completeness", text(PackageResources.completeness_sql)),
        ("unmetered", text(PackageResources.unmetered_sql)),
        ("usage-by-tenant", text(PackageResources.usage_by_tenant_sql)),
    ]

    /// The page of an invoice, in Mustache.
    public static var invoicePage: String { text(PackageResources.invoice_html_mustache) }
    /// The words on it: an object for each language.
    public static var invoiceLabels: String { text(PackageResources.invoice_labels_json) }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
