-- title: Invoices
-- about: The issued invoices whose period begins in this one, with net, tax and total.
-- parameter: from, to: the period, seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: at most so many rows (optional; NULL for all)
-- column: invoice: its number
-- column: tenant: who pays
-- column: name: the tenant's name, as it is now
-- column: period_start: the first instant it bills
-- column: period_end: the first instant it does not
-- column: net_minor: display=money(currency)
-- column: tax_minor: display=money(currency)
-- column: total_minor: net and tax; display=money(currency)
-- column: currency: its code
-- column: issued_at: when it was issued
SELECT
    i.number AS invoice,
    i.tenant,
    t.name,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.period_start_s, 'unixepoch') AS period_start,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.period_end_s, 'unixepoch') AS period_end,
    i.net_minor,
    i.tax_minor,
    i.total_minor,
    i.currency,
    strftime('%Y-%m-%dT%H:%M:%SZ', i.issued_ms / 1000, 'unixepoch') AS issued_at
FROM invoice i
JOIN tenant t ON t.id = i.tenant
WHERE i.period_start_s >= :from AND i.period_start_s < :to
    AND (:tenant IS NULL OR i.tenant = :tenant)
ORDER BY i.series, i.sequence
LIMIT coalesce(:limit, -1);
