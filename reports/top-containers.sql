-- title: Top containers
-- about: Which containers used most of each meter in the period, and their share of all usage.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: maximum number of containers of each meter (optional; NULL for 20)
-- column: meter: what was metered
-- column: rank: 1 used most; equal quantities share a rank
-- column: tenant: the tenant; unattributed is usage of no tenant
-- column: container: its path, or its name in an import
-- column: name: its name in Docker, systemd or another owner
-- column: container_id: Octroi's number for it; a restarted container has another one
-- column: quantity: an integer, in base units (column `unit`); display=quantity(meter)
-- column: unit: the meter's base unit
-- column: permille: its share of the usage of all containers (or of the tenant's), rounded down; display=percent
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
    SELECT tenant, container, meter, sum(quantity >> 32) AS high, sum(quantity & 0xffffffff) AS low
    FROM used GROUP BY tenant, container, meter
),
carried AS (
    SELECT tenant, container, meter, high + (low >> 32) AS high, low & 0xffffffff AS low FROM added
),
ranked AS (
    SELECT *, rank() OVER (PARTITION BY meter ORDER BY high DESC, low DESC) AS rank,
        sum(high) OVER (PARTITION BY meter)
            + (sum(low) OVER (PARTITION BY meter) >> 32) AS all_high,
        sum(low) OVER (PARTITION BY meter) & 0xffffffff AS all_low
    FROM carried
),
-- For the share, both numbers are shortened so that 1000 times each of them fits 64 bits.
shown AS (
    SELECT *,
        iif(all_high < 1 << 20, high << 32 | low, high) AS part,
        iif(all_high < 1 << 20, all_high << 32 | all_low, all_high) AS whole
    FROM ranked WHERE rank <= coalesce(:limit, 20)
)
SELECT
    m.shown_as AS meter,
    a.rank,
    a.tenant,
    c.path AS container,
    d.name,
    c.id AS container_id,
    wide(a.high, a.low) AS quantity,
    m.unit,
    a.part * 1000 / nullif(a.whole, 0) AS permille
FROM shown a
JOIN container c ON c.id = a.container
LEFT JOIN container_detail d ON d.container = c.id
JOIN meter m ON m.id = a.meter
ORDER BY m.shown_as, a.rank, a.tenant, c.path, c.id;
