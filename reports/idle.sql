-- title: Idle
-- about: How much of the host's cores and memory was used by tenants, unattributed, or idle, by day.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- column: day: the day of the billing zone
-- column: meter: cpu or memory
-- column: hours: hours whose capacity is known; only these hours are in the quantities
-- column: hours_unknown: hours with usage whose capacity is not known; they are in none of the quantities
-- column: tenants: what tenants used; display=quantity(meter)
-- column: unattributed: what containers of no tenant used; display=quantity(meter)
-- column: idle: the rest of the capacity; below 0 if more was used than there was; display=quantity(meter)
-- column: capacity: cores times time, or memory times time; NULL if not known; display=quantity(meter)
-- column: unit: the base unit of the quantities
-- column: tenants_permille: share of the capacity; display=percent
-- column: unattributed_permille: share of the capacity; display=percent
-- column: idle_permille: share of the capacity; display=percent
-- tenants + unattributed + idle = capacity, exactly. If memory could not be measured for any container (the
-- controller is off), it is not reported as idle.
WITH used AS MATERIALIZED (
    SELECT hour_s, meter, max(unit) AS unit,
        sum(iif(tenant = 'unattributed', 0, quantity)) AS tenants,
        sum(iif(tenant = 'unattributed', quantity, 0)) AS unattributed
    FROM usage_hour
    WHERE meter IN ('cpu', 'memory') AND assurance <> 'imported'
        AND hour_s >= :from AND hour_s < :to
    GROUP BY hour_s, meter
),
total AS MATERIALIZED (
    SELECT c.hour_s, m.shown_as AS meter, m.unit, sum(c.quantity) AS capacity
    FROM capacity c JOIN meter m ON m.id = c.meter
    WHERE c.hour_s >= :from AND c.hour_s < :to
    GROUP BY c.hour_s, m.shown_as
),
-- In an hour with usage, but none of this meter, the meter was off.
hourly AS (
    SELECT t.hour_s, t.meter, t.unit, t.capacity, coalesce(u.tenants, 0) AS tenants,
        coalesce(u.unattributed, 0) AS unattributed
    FROM total t LEFT JOIN used u ON u.hour_s = t.hour_s AND u.meter = t.meter
    WHERE u.hour_s IS NOT NULL OR t.hour_s NOT IN (SELECT hour_s FROM used)
    UNION ALL
    SELECT u.hour_s, u.meter, u.unit, NULL, NULL, NULL
    FROM used u LEFT JOIN total t ON t.hour_s = u.hour_s AND t.meter = u.meter
    WHERE t.hour_s IS NULL
),
daily AS (
    SELECT day_start(hour_s) AS day_s, meter, max(unit) AS unit, count(capacity) AS hours,
        count(*) - count(capacity) AS hours_unknown, sum(tenants) AS tenants,
        sum(unattributed) AS unattributed, sum(capacity) AS capacity
    FROM hourly GROUP BY day_s, meter
)
SELECT
    day_date(day_s) AS day,
    meter,
    hours,
    hours_unknown,
    tenants,
    unattributed,
    capacity - tenants - unattributed AS idle,
    capacity,
    unit,
    -- The division comes first: a product with 1000 may pass 64 bits.
    tenants / nullif(capacity / 1000, 0) AS tenants_permille,
    unattributed / nullif(capacity / 1000, 0) AS unattributed_permille,
    (capacity - tenants - unattributed) / nullif(capacity / 1000, 0) AS idle_permille
FROM daily
ORDER BY day_s, meter;
