/// The report definitions and the page of an invoice that come with the binary.
public enum ReportFiles {
    /// Reports by name.
    public static let all: [(name: String, sql: String)] = [
        ("capacity", text(PackageResources.capacity_sql)),
        ("completeness", text(PackageResources.completeness_sql)),
        ("daily-cost", text(PackageResources.daily_cost_sql)),
        ("enforcement", text(PackageResources.enforcement_sql)),
        ("idle", text(PackageResources.idle_sql)),
        ("invoice-lines-by-meter", text(PackageResources.invoice_lines_by_meter_sql)),
        ("invoices", text(PackageResources.invoices_sql)),
        ("throttling", text(PackageResources.throttling_sql)),
        ("top-containers", text(PackageResources.top_containers_sql)),
        ("unattributed", text(PackageResources.unattributed_sql)),
        ("unmetered", text(PackageResources.unmetered_sql)),
        ("usage-by-container", text(PackageResources.usage_by_container_sql)),
        ("usage-by-tenant", text(PackageResources.usage_by_tenant_sql)),
    ]

    /// The page of an invoice, in Mustache.
    public static var invoicePage: String { text(PackageResources.invoice_html_mustache) }
    /// The words on it: an object for each language.
    public static var invoiceLabels: String { text(PackageResources.invoice_labels_json) }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
