-- title: Invoice lines by meter
-- about: What the lines of issued invoices come to by kind and meter, of periods that begin here.
-- parameter: from, to: the period, seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- column: currency: a code; amounts of two currencies are never added
-- column: kind: usage, fixed, minimum, discount, tax, correction or unpriced
-- column: meter: what is billed; for tax, its code
-- column: invoices: how many invoices have such lines
-- column: lines: how many lines there are
-- column: quantity: integer in base units of `unit`; NULL if none has one; display=quantity(meter)
-- column: unit: the meter's base unit
-- column: amount_minor: the lines' amounts; display=money(currency)
-- The amounts of a currency add up to its invoices' totals: tax is a kind of line.
-- A line's quantity has 128 bits. Its parts of 32 bits are added up apart, then carried over.
WITH added AS (
    SELECT i.currency, l.kind, l.meter, l.unit, count(DISTINCT l.invoice) AS invoices,
        count(*) AS lines, exact_sum(l.amount_minor) AS amount_minor,
        sum(l.quantity_high) AS q2, sum((l.quantity_low >> 32) & 0xffffffff) AS q1,
        sum(l.quantity_low & 0xffffffff) AS q0
    FROM invoice i JOIN invoice_line l ON l.invoice = i.number
    WHERE i.period_start_s >= :from AND i.period_start_s < :to
        AND (:tenant IS NULL OR i.tenant = :tenant)
    GROUP BY i.currency, l.kind, l.meter, l.unit
),
carried AS (
    SELECT *, q2 + ((q1 + (q0 >> 32)) >> 32) AS high,
        (q1 + (q0 >> 32)) << 32 | (q0 & 0xffffffff) AS low
    FROM added
)
SELECT
    currency,
    kind,
    meter,
    invoices,
    lines,
    -- As text only beyond 64 bits.
    iif(high = low >> 63, low, int128(high, low)) AS quantity,
    unit,
    amount_minor
FROM carried
ORDER BY currency, kind = 'tax', kind, meter, unit;
