import Units

extension Tenant {
    /// How a new version of the tenant differs from this one, one line for each change.
    ///
    /// Such as `name "Acme" → "Acme Inc."` or `rule added: slice "tenant-acme.slice"`.
    public func changes(to new: Tenant) -> [String] {
        let fields: [(name: String, old: String?, new: String?)] = [
            ("name", name, new.name), ("price_book", priceBook, new.priceBook),
            ("invoice_to.address", invoiceTo.address, new.invoiceTo.address),
            ("invoice_to.country", invoiceTo.country, new.invoiceTo.country),
            ("invoice_to.vat_id", invoiceTo.vatID, new.invoiceTo.vatID),
            ("invoice_to.email", invoiceTo.email, new.invoiceTo.email),
            ("since", since?.description, new.since?.description),
            ("until", until?.description, new.until?.description),
        ]
        func words(_ value: String?) -> String { value.map(quoted) ?? "none" }
        return fields.filter { $0.old != $0.new }
            .map { "\($0.name) \(words($0.old)) → \(words($0.new))" } + ruleChanges(new.match)
    }

    /// The changes of the rules.
    ///
    /// A new order counts, because the first rule that matches wins.
    private func ruleChanges(_ new: [Rule]) -> [String] {
        func words(_ rule: Rule) -> String { "\(rule.kind) \(quoted(rule.pattern))" }
        let (removed, added) = (
            match.filter { !new.contains($0) }, new.filter { !match.contains($0) }
        )
        let kept = match.filter { !removed.contains($0) }
        let isReordered = kept != new.filter { !added.contains($0) }
        return removed.map { "rule removed: \(words($0))" }
            + added.map { "rule added: \(words($0))" }
            + (isReordered ? ["rules in another order: the first that fits wins"] : [])
    }
}
