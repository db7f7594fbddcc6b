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
WITH used AS MATERIALIZED (
    SELECT hour_s, meter, tenant, sum(quantity) AS quantity, max(unit) AS unit
    FROM usage_hour
    WHERE meter IN ('cpu', 'memory') AND assurance <> 'imported'
        AND hour_s >= :from AND hour_s < :to
    GROUP BY 1, 2, 3
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
