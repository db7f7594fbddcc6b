-- title: Capacity
-- about: Who had the host's cores and memory in each hour: tenants, unattributed usage, idle.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- column: hour: the start of the hour
-- column: meter: cpu or memory
-- column: kind: tenant, unattributed, idle or capacity
-- column: tenant: the tenant, in a row of a tenant
-- column: quantity: cores times time, or memory times time; display=quantity(meter)
-- column: unit: the base unit of the quantity
-- column: permille: its share of the hour's capacity; display=percent
-- In each hour and meter, the rows before "capacity" add up to capacity. If idle is below 0, more was
-- used than there was. An hour before capacity was metered has neither idle nor capacity. If memory could
-- not be measured for any container (the controller is off), it is not reported as idle.
-- The ledger's rows are added up by numbers, of containers, meters (1 is cpu) and tenants; names are joined last.
WITH owned AS MATERIALIZED (
    SELECT container, tenant, dense_rank() OVER (ORDER BY tenant) AS number, memory_meter,
        max(since_s, :from) AS since_s, min(until_s, :to) AS until_s
    FROM owned_time WHERE since_s < :to AND until_s > :from
),
summed AS (
    SELECT hour_s, meter, number, sum(quantity) AS quantity
    FROM (
        SELECT u.hour_s, u.meter, o.number, u.quantity
        FROM owned o CROSS JOIN usage u ON u.container = o.container
            AND u.hour_s >= o.since_s AND u.hour_s < o.until_s
        WHERE u.meter IN (1, o.memory_meter)
            AND u.assurance <> (SELECT id FROM assurance WHERE name = 'imported')
        UNION ALL
        SELECT u.hour_s, u.meter, o.number, u.quantity
        FROM usage_open u CROSS JOIN owned o ON o.container = u.container
            AND u.hour_s >= o.since_s AND u.hour_s < o.until_s
        WHERE u.meter IN (1, o.memory_meter)
            AND u.assurance <> (SELECT id FROM assurance WHERE name = 'imported')
    )
    GROUP BY hour_s, meter, number
),
used AS MATERIALIZED (
    SELECT s.hour_s, m.shown_as AS meter, o.tenant, sum(s.quantity) AS quantity, m.unit
    FROM summed s JOIN meter m ON m.id = s.meter
    JOIN (SELECT DISTINCT number, tenant FROM owned) o ON o.number = s.number
    GROUP BY s.hour_s, m.shown_as, s.number
),
-- Added up once, so that the rows of all tenants are not searched again for each hour.
all_used AS MATERIALIZED (
    SELECT hour_s, meter, max(unit) AS unit, sum(quantity) AS quantity,
        sum(iif(tenant = 'unattributed', quantity, 0)) AS unattributed
    FROM used GROUP BY hour_s, meter
),
total AS MATERIALIZED (
    SELECT c.hour_s, m.shown_as AS meter, m.unit, sum(c.quantity) AS quantity
    FROM capacity c JOIN meter m ON m.id = c.meter
    WHERE c.hour_s >= :from AND c.hour_s < :to
        AND (m.shown_as IN (SELECT meter FROM all_used u WHERE u.hour_s = c.hour_s)
            OR NOT EXISTS (SELECT 1 FROM all_used u WHERE u.hour_s = c.hour_s))
    GROUP BY 1, 2
),
part AS (
    SELECT hour_s, meter, unit, 0 AS place, 'tenant' AS kind, tenant, quantity FROM used
    WHERE tenant <> 'unattributed'
    UNION ALL
    SELECT hour_s, meter, unit, 1, 'unattributed', NULL, unattributed FROM all_used
    UNION ALL
    SELECT t.hour_s, t.meter, t.unit, 2, 'idle', NULL,
        t.quantity - coalesce(u.quantity, 0)
    FROM total t LEFT JOIN all_used u ON u.hour_s = t.hour_s AND u.meter = t.meter
    UNION ALL
    SELECT hour_s, meter, unit, 3, 'capacity', NULL, quantity FROM total
)
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', p.hour_s, 'unixepoch') AS hour,
    p.meter,
    p.kind,
    p.tenant,
    p.quantity,
    p.unit,
    -- The division comes first: a product with 1000 may pass 64 bits.
    p.quantity / nullif(t.quantity / 1000, 0) AS permille
FROM part p
LEFT JOIN total t ON t.hour_s = p.hour_s AND t.meter = p.meter
ORDER BY p.hour_s, p.meter, p.place, p.tenant;
