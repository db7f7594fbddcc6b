-- title: Invoices
-- about: The invoices and credit notes whose period begins in this one, with net, tax and total.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: maximum number of rows (optional; NULL for all)
-- column: invoice: its number
-- column: tenant: the tenant that pays
-- column: name: the tenant's present name
-- column: period_start: the start of the billed period
-- column: period_end: the end of the billed period, exclusive
-- column: net_minor: display=money(currency)
-- column: tax_minor: display=money(currency)
-- column: total_minor: net plus tax; display=money(currency)
-- column: currency: the currency's code
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
