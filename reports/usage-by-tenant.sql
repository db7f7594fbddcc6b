-- title: Usage by tenant
-- about: What each tenant used of each meter in the period, in how many containers and hours.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- column: tenant: the tenant; unattributed is usage of no tenant
-- column: meter: what was metered
-- column: containers: the number of containers that used it; a restarted one counts as another
-- column: hours: the number of hours with usage
-- column: quantity: an integer, in base units (column `unit`); display=quantity(meter)
-- column: unit: the meter's base unit
-- Whole days come from their sums, other time from the ledger (table period_usage). An hour of a tenant
-- counts once, in however many containers.
WITH period_usage, by_container AS (
    SELECT tenant, meter, container, sum(high) AS high, sum(low) AS low
    FROM period_usage GROUP BY tenant, meter, container
),
by_day AS (
    SELECT tenant, meter, bit_count(or_bits(hours)) AS hours
    FROM period_usage GROUP BY tenant, meter, day
),
added AS (
    SELECT tenant, meter, count(*) AS containers, sum(high) AS high, sum(low) AS low
    FROM by_container GROUP BY tenant, meter
),
counted AS (SELECT tenant, meter, sum(hours) AS hours FROM by_day GROUP BY tenant, meter)
SELECT a.tenant, m.shown_as AS meter, a.containers, c.hours, wide(a.high, a.low) AS quantity, m.unit
FROM added a JOIN counted c ON c.tenant = a.tenant AND c.meter = a.meter
JOIN meter m ON m.id = a.meter
ORDER BY a.tenant = 'unattributed', a.tenant, m.shown_as;
