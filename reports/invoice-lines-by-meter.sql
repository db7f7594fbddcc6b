-- title: Invoice lines by meter
-- about: The sums of the lines of issued invoices, by kind and meter; invoices whose period begins in this one.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- column: currency: the currency's code; amounts in different currencies are never added
-- column: kind: usage, fixed, minimum, discount, tax, correction or unpriced
-- column: meter: the meter; the code of a tax or fee
-- column: invoices: the number of invoices with such lines
-- column: lines: the number of lines
-- column: quantity: an integer, in base units (column `unit`); NULL if no line has a quantity; display=quantity(meter)
-- column: unit: the meter's base unit
-- column: amount_minor: the sum of the lines' amounts; display=money(currency)
-- The amounts in a currency add up to the totals of its invoices, because a tax is a line, too.
-- A line's quantity has 128 bits. Its parts of 32 bits are added up separately, then carried over.
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
    -- It is text only if it exceeds 64 bits.
    iif(high = low >> 63, low, int128(high, low)) AS quantity,
    unit,
    amount_minor
FROM carried
ORDER BY currency, kind = 'tax', kind, meter, unit;
