-- title: Daily cost
-- about: What issued invoices cost by day: each line is split by the usage of the days, to the last cent.
-- parameter: from, to: the period, in seconds since 1970 (whole hours); days that touch it are listed
-- parameter: tenant: only this tenant (optional; NULL for all)
-- column: day: the day of the billing zone
-- column: tenant: the tenant
-- column: invoice: the issued invoice
-- column: kind: the kind of its lines: usage, fixed, minimum, discount, tax, correction, unpriced
-- column: meter: the meter of its lines; the code of a tax or fee
-- column: basis: usage: split by the day's share of the usage; time: split by the day's length
-- column: quantity: used on that day, in base units (column `unit`); NULL if split by time; display=quantity(meter)
-- column: unit: the meter's base unit
-- column: permille: the day's share of that usage or time; display=percent
-- column: amount_minor: the day's share of the lines' amount; display=money(currency)
-- column: currency: the currency's code
-- Lines of the same invoice, kind, meter and period are split together. The quantity up to the end of a day
-- has a share of the whole quantity, and so a share of the amount, rounded to a whole number. A day gets
-- the rise of that share since the day before. So the days add up to the invoice exactly. Tiers are not
-- considered: their prices are spread over all days. The ledger is read as it is now, with usage that came
-- after the invoice.
WITH pool AS (
    SELECT row_number() OVER () AS pool, i.number, i.tenant, i.currency, l.kind, l.meter,
        l.period_start_s AS start_s, l.period_end_s AS end_s, sum(l.amount_minor) AS amount
    FROM invoice i JOIN invoice_line l ON l.invoice = i.number
    WHERE l.period_start_s < :to AND l.period_end_s > :from
        AND (:tenant IS NULL OR i.tenant = :tenant)
    GROUP BY i.number, l.kind, l.meter, l.period_start_s, l.period_end_s
),
-- The shares need the whole period of each line.
span (from_s, to_s) AS (SELECT min(start_s), max(end_s) FROM pool),
used AS (
    SELECT o.tenant, iif(u.meter = o.memory_meter, 2, u.meter) AS meter, u.hour_s, u.quantity
    FROM owned_time o
    CROSS JOIN usage u ON u.container = o.container AND u.hour_s < o.until_s
        AND u.hour_s >= max(o.since_s, (SELECT from_s FROM span))
    WHERE o.tenant IN (SELECT tenant FROM pool) AND u.hour_s < (SELECT to_s FROM span)
        AND (u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter)
),
-- By hours first, because a line's period may begin or end within a day. The upper and the lower 32 bits
-- are added up separately, because a sum may pass 64 bits.
hourly AS (
    SELECT tenant, meter, hour_s, sum(quantity >> 32) AS high, sum(quantity & 0xffffffff) AS low
    FROM used GROUP BY tenant, meter, hour_s
),
day_of AS MATERIALIZED (
    SELECT hour_s, day_start(hour_s) AS day_s FROM (SELECT DISTINCT hour_s FROM hourly)
),
named AS MATERIALIZED (
    SELECT h.tenant, m.shown_as AS meter, m.unit, h.hour_s, d.day_s, h.high, h.low
    FROM hourly h JOIN meter m ON m.id = h.meter JOIN day_of d ON d.hour_s = h.hour_s
),
by_usage AS (
    SELECT p.pool, n.day_s, max(n.unit) AS unit,
        sum(n.high) AS high, sum(n.low) AS low
    FROM pool p
    JOIN named n ON n.tenant = p.tenant AND n.meter = p.meter
        AND n.hour_s >= p.start_s AND n.hour_s < p.end_s
    GROUP BY p.pool, n.day_s
),
measured AS (SELECT pool FROM by_usage GROUP BY pool HAVING sum(high) + sum(low) > 0),
by_time (pool, day_s, seconds) AS (
    SELECT pool, day_start(start_s), min(end_s, day_end(start_s)) - start_s
    FROM pool WHERE pool NOT IN (SELECT pool FROM measured)
    UNION ALL
    SELECT p.pool, day_end(t.day_s),
        min(p.end_s, day_end(day_end(t.day_s))) - day_end(t.day_s)
    FROM by_time t JOIN pool p ON p.pool = t.pool WHERE day_end(t.day_s) < p.end_s
),
part AS (
    SELECT pool, day_s, 'usage' AS basis, unit, high, low FROM by_usage
    WHERE pool IN (SELECT pool FROM measured)
    UNION ALL
    SELECT pool, day_s, 'time', NULL, 0, seconds FROM by_time
),
running AS (
    SELECT *, sum(high) OVER day AS high_so_far, sum(low) OVER day AS low_so_far,
        sum(high) OVER whole AS high_all, sum(low) OVER whole AS low_all
    FROM part
    WINDOW whole AS (PARTITION BY pool), day AS (PARTITION BY pool ORDER BY day_s)
),
carried AS (
    SELECT *, high_so_far + (low_so_far >> 32) AS upper, high_all + (low_all >> 32) AS upper_all
    FROM running
),
-- In quantities beyond 62 bits, the lower 32 bits do not matter.
raw AS (
    SELECT *,
        iif(upper_all < 1 << 30, upper << 32 | (low_so_far & 0xffffffff), upper) AS so_far,
        iif(upper_all < 1 << 30, upper_all << 32 | (low_all & 0xffffffff), upper_all) AS whole
    FROM carried
),
-- At most 2^30, so that no product passes 64 bits.
weight AS (
    SELECT *, so_far / ((whole >> 30) + 1) AS w, whole / ((whole >> 30) + 1) AS w_all FROM raw
),
-- amount * w / w_all, with the division first.
reached AS (
    SELECT w.*, p.number, p.tenant, p.kind, p.meter, p.currency,
        p.amount / w.w_all * w.w + p.amount % w.w_all * w.w / w.w_all AS amount,
        1000 * w.w / w.w_all AS permille
    FROM weight w JOIN pool p ON p.pool = w.pool
),
daily AS (
    SELECT *, amount - lag(amount, 1, 0) OVER day AS amount_minor,
        permille - lag(permille, 1, 0) OVER day AS permille_of_day,
        wide(high, low) AS whole_quantity
    FROM reached WINDOW day AS (PARTITION BY pool ORDER BY day_s)
)
SELECT
    day_date(day_s) AS day,
    tenant,
    number AS invoice,
    kind,
    meter,
    basis,
    iif(basis = 'usage', whole_quantity, NULL) AS quantity,
    unit,
    permille_of_day AS permille,
    amount_minor,
    currency
FROM daily
WHERE day_s < :to AND day_end(day_s) > :from
ORDER BY day_s, tenant, number, kind = 'tax', kind, meter, pool;
