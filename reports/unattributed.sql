-- title: Unattributed usage
-- about: The usage of containers that belong to no tenant, with its first and last hour in the period.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: limit: maximum number of rows (optional; NULL for all)
-- column: container: its path, or its name in an import
-- column: name: its name in Docker, systemd or another owner
-- column: runtime: its runtime; helps to find a rule that fits
-- column: container_id: Octroi's number for it; a restarted container has another one
-- column: meter: what was metered; memory is by the formula unreclaimable
-- column: quantity: an integer, in base units (column `unit`); display=quantity(meter)
-- column: unit: the meter's base unit
-- column: hours: the number of hours with usage
-- column: first_hour: the start of the first of these hours
-- column: last_hour: the start of the last of these hours
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
    WHERE o.tenant = 'unattributed'
        AND (u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter)
    UNION ALL
    SELECT o.tenant, iif(u.meter = o.memory_meter, 2, u.meter), u.container, u.hour_s, u.quantity
    FROM usage_open u
    CROSS JOIN owned_time o ON o.container = u.container
        AND u.hour_s >= o.since_s AND u.hour_s < o.until_s
    WHERE u.hour_s >= :from AND u.hour_s < :to
        AND o.tenant = 'unattributed'
        AND (u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter)
),
added AS (
    SELECT tenant, container, meter, count(DISTINCT hour_s) AS hours, min(hour_s) AS first_s,
        max(hour_s) AS last_s, sum(quantity >> 32) AS high, sum(quantity & 0xffffffff) AS low
    FROM used GROUP BY tenant, container, meter
)
SELECT
    c.path AS container,
    d.name,
    c.runtime,
    c.id AS container_id,
    m.shown_as AS meter,
    wide(a.high, a.low) AS quantity,
    m.unit,
    a.hours,
    strftime('%Y-%m-%dT%H:%M:%SZ', a.first_s, 'unixepoch') AS first_hour,
    strftime('%Y-%m-%dT%H:%M:%SZ', a.last_s, 'unixepoch') AS last_hour
FROM added a
JOIN container c ON c.id = a.container
LEFT JOIN container_detail d ON d.container = c.id
JOIN meter m ON m.id = a.meter
ORDER BY c.path, c.id, m.shown_as
LIMIT coalesce(:limit, -1);
