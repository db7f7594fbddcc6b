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
-- The ledger's rows are added up by the numbers of containers and meters, and names are joined last.
-- The upper and the lower 32 bits are added up separately, because a sum may pass 64 bits. Meters 3 to 5
-- are memory by its three formulas; one of them counts.
WITH used AS (
    SELECT o.tenant, iif(u.meter = o.memory_meter, 2, u.meter) AS meter, u.container, u.hour_s,
        u.quantity
    FROM (SELECT container, tenant, max(since_s, :from) AS since_s, min(until_s, :to) AS until_s,
            memory_meter FROM owned_time) o
    CROSS JOIN usage u ON u.container = o.container
        AND u.hour_s >= o.since_s AND u.hour_s < o.until_s
    WHERE (:tenant IS NULL OR o.tenant = :tenant)
        AND (u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter)
    UNION ALL
    SELECT o.tenant, iif(u.meter = o.memory_meter, 2, u.meter), u.container, u.hour_s, u.quantity
    FROM usage_open u
    CROSS JOIN owned_time o ON o.container = u.container
        AND u.hour_s >= o.since_s AND u.hour_s < o.until_s
    WHERE u.hour_s >= :from AND u.hour_s < :to
        AND (:tenant IS NULL OR o.tenant = :tenant)
        AND (u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter)
),
added AS (
    SELECT tenant, meter, count(DISTINCT container) AS containers, count(DISTINCT hour_s) AS hours,
        sum(quantity >> 32) AS high, sum(quantity & 0xffffffff) AS low
    FROM used GROUP BY tenant, meter
)
SELECT a.tenant, m.shown_as AS meter, a.containers, a.hours, wide(a.high, a.low) AS quantity, m.unit
FROM added a JOIN meter m ON m.id = a.meter
ORDER BY a.tenant = 'unattributed', a.tenant, m.shown_as;
