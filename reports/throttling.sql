-- title: Throttling
-- about: Which containers were throttled by their CPU limit in the period, for how long and how often.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: maximum number of rows (optional; NULL for all)
-- column: tenant: the tenant; unattributed is usage of no tenant
-- column: container: its path
-- column: name: its name in Docker, systemd or another owner
-- column: container_id: Octroi's number for it; a restarted container has another one
-- column: hours: the number of hours in which it was throttled
-- column: throttled_us: how long, added up over CPUs; display=us
-- column: throttled_periods: in how many periods of the limit
-- Computed from the counters at the first and last sample of each hour. The samples are ordered by the
-- counters, because the clock may have been stepped. The rise between the last sample before the period and
-- the first sample in it counts, too.
WITH hourly AS (
    SELECT container, hour_s, first_us, last_us, first_periods, last_periods FROM throttle_hour
    WHERE hour_s < :to
    UNION ALL
    SELECT s.container, k.wall_ms / 3600000 * 3600, min(s.cpu_throttled_us),
        max(s.cpu_throttled_us), min(s.cpu_throttled_periods), max(s.cpu_throttled_periods)
    FROM sample s JOIN tick k ON k.id = s.tick
    WHERE s.cpu_throttled_us IS NOT NULL AND k.wall_ms < :to * 1000
    GROUP BY 1, 2
),
risen AS (
    SELECT container, hour_s,
        last_us - coalesce(lag(last_us) OVER life, first_us) AS throttled_us,
        last_periods - coalesce(lag(last_periods) OVER life, first_periods) AS periods
    FROM hourly WINDOW life AS (PARTITION BY container ORDER BY first_us, last_us)
),
added AS (
    SELECT container, count(DISTINCT hour_s) AS hours, CAST(total(throttled_us) AS INTEGER) AS throttled_us,
        CAST(total(periods) AS INTEGER) AS periods,
        max(hour_s) AS last_s
    FROM risen WHERE hour_s >= :from AND throttled_us > 0 GROUP BY container
)
SELECT
    coalesce(t.tenant, 'unattributed') AS tenant,
    c.path AS container,
    d.name,
    c.id AS container_id,
    a.hours,
    a.throttled_us,
    a.periods AS throttled_periods
FROM added a
JOIN container c ON c.id = a.container
LEFT JOIN container_detail d ON d.container = c.id
LEFT JOIN attribution t ON t.container = c.id AND t.since_s <= a.last_s
    AND (t.until_s IS NULL OR a.last_s < t.until_s)
WHERE :tenant IS NULL OR coalesce(t.tenant, 'unattributed') = :tenant
ORDER BY a.throttled_us DESC, c.path, c.id
LIMIT coalesce(:limit, -1);
