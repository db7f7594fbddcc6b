-- title: Capacity
-- about: Whose the host's cores and memory were in each hour: tenants, unattributed and idle.
-- parameter: from, to: the period, seconds since 1970 (whole hours)
-- column: hour: when the hour began
-- column: meter: cpu or memory
-- column: kind: tenant, unattributed, idle or capacity
-- column: tenant: who, for a tenant's row
-- column: quantity: cores or memory, times time; display=quantity(meter)
-- column: unit: base unit of the quantity
-- column: permille: of the hour's capacity; display=percent
-- The rows of an hour and meter before "capacity" add up to it. Idle below 0: more was used than
-- there was. An hour of before capacity was metered has neither idle nor capacity, and memory that
-- no container could be measured for (its controller is off) is not called idle.
WITH used AS MATERIALIZED (
    SELECT hour_s, meter, tenant, sum(quantity) AS quantity, max(unit) AS unit
    FROM usage_hour
    WHERE meter IN ('cpu', 'memory') AND assurance <> 'imported'
        AND hour_s >= :from AND hour_s < :to
    GROUP BY 1, 2, 3
),
-- Added up once, not looked up hour by hour in all tenants' rows.
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
    -- Divided first: a product with 1000 may pass 64 bits.
    p.quantity / nullif(t.quantity / 1000, 0) AS permille
FROM part p
LEFT JOIN total t ON t.hour_s = p.hour_s AND t.meter = p.meter
ORDER BY p.hour_s, p.meter, p.place, p.tenant;
