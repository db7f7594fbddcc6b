-- title: Capacity
-- about: Whose the host's cores and memory were in each hour: tenants, unattributed and idle.
-- The rows of an hour and meter before "capacity" add up to it. Idle below 0: more was used than
-- there was. An hour of before capacity was metered has neither idle nor capacity, and memory that
-- no container could be measured for (its controller is off) is not called idle.
WITH used AS (
    SELECT hour_s, meter, tenant, sum(quantity) AS quantity, max(unit) AS unit
    FROM usage_hour
    WHERE meter IN ('cpu', 'memory') AND assurance <> 'imported'
        AND hour_s >= :from AND hour_s < :to
    GROUP BY 1, 2, 3
),
total AS (
    SELECT c.hour_s, m.shown_as AS meter, m.unit, sum(c.quantity) AS quantity
    FROM capacity c JOIN meter m ON m.id = c.meter
    WHERE c.hour_s >= :from AND c.hour_s < :to
        AND (m.shown_as IN (SELECT meter FROM used u WHERE u.hour_s = c.hour_s)
            OR NOT EXISTS (SELECT 1 FROM used u WHERE u.hour_s = c.hour_s))
    GROUP BY 1, 2
),
part AS (
    SELECT hour_s, meter, unit, 0 AS place, 'tenant' AS kind, tenant, quantity FROM used
    WHERE tenant <> 'unattributed'
    UNION ALL
    SELECT hour_s, meter, unit, 1, 'unattributed', NULL,
        sum(iif(tenant = 'unattributed', quantity, 0)) FROM used
    GROUP BY hour_s, meter
    UNION ALL
    SELECT t.hour_s, t.meter, t.unit, 2, 'idle', NULL,
        t.quantity - coalesce((SELECT sum(u.quantity) FROM used u
            WHERE u.hour_s = t.hour_s AND u.meter = t.meter), 0)
    FROM total t
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
