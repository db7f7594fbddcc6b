-- title: Enforcement
-- about: How long each tenant was boosted, limited by its budget, frozen and throttled, by hour.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: maximum number of rows (optional; NULL for all)
-- column: tenant: the tenant; unattributed is no tenant
-- column: hour: the start of the hour; hours with none of these are left out
-- column: boosted_us: how long a boost was in force; display=us
-- column: budget_us: how long a step of its budget was in force; display=us
-- column: frozen_us: how long one of its cgroups was frozen; display=us
-- column: throttled_us: how long CPU limits throttled it, added up over CPUs; display=us
-- Time is counted once, however many limits or cgroups it concerns. But throttled_us is a sum and may
-- exceed the hour. What is in force now is counted until now. A cgroup that was still frozen when it ended
-- is counted until its end. Throttling is known for as long as samples are kept.
WITH present (ms) AS (SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000),
freezing AS (
    SELECT l.at_ms, l.target, l.path, l.cgroup_id, l.after, s.tenant,
        lead(l.at_ms) OVER (PARTITION BY l.cgroup_id, l.path ORDER BY l.at_ms, l.id) AS next_ms
    FROM limit_change l LEFT JOIN limit_change_set s ON s.id = l.change_set
    WHERE l.file = 'cgroup.freeze'
),
-- An account with a position has not ended. For an account that has ended, last_seen_ms is its end.
frozen AS (
    SELECT f.at_ms, f.path, f.cgroup_id, coalesce(f.tenant, t.id) AS tenant,
        min(coalesce(f.next_ms, p.ms), coalesce((SELECT min(c.last_seen_ms) FROM container c
            WHERE c.cgroup_id = f.cgroup_id AND c.path = f.path AND c.last_seen_ms >= f.at_ms
                AND c.id NOT IN (SELECT container FROM position)), p.ms)) AS until_ms
    FROM freezing f CROSS JOIN present p LEFT JOIN tenant t ON t.id = f.target
    WHERE f.after = '1'
),
span (kind, tenant, since_ms, until_ms) AS (
    SELECT o.source, coalesce(o.tenant, iif(o.kind = 'tenant', o.target, NULL)), o.since_ms,
        coalesce(o.ended_ms, p.ms)
    FROM limit_overlay o CROSS JOIN present p
    UNION ALL
    SELECT 'frozen', coalesce(f.tenant, (SELECT a.tenant
            FROM container c JOIN attribution a ON a.container = c.id
            WHERE c.cgroup_id = f.cgroup_id AND c.path = f.path
                AND a.since_s <= f.at_ms / 1000
                AND (a.until_s IS NULL OR f.at_ms / 1000 < a.until_s)
            ORDER BY c.first_seen_ms DESC LIMIT 1)), f.at_ms, f.until_ms
    FROM frozen f
),
clipped AS (
    SELECT kind, coalesce(tenant, 'unattributed') AS tenant,
        max(since_ms, :from * 1000) AS since_ms, min(until_ms, :to * 1000) AS until_ms
    FROM span WHERE since_ms < :to * 1000 AND until_ms > :from * 1000
),
-- Overlapping spans become one.
reached AS (
    SELECT kind, tenant, since_ms, until_ms, max(until_ms) OVER (PARTITION BY kind, tenant
        ORDER BY since_ms, until_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ms
    FROM clipped
),
numbered AS (
    SELECT kind, tenant, since_ms, until_ms, sum(before_ms IS NULL OR since_ms > before_ms) OVER (
        PARTITION BY kind, tenant ORDER BY since_ms, until_ms) AS number
    FROM reached
),
hourly (kind, tenant, hour_s, since_ms, until_ms) AS (
    SELECT kind, tenant, min(since_ms) / 3600000 * 3600, min(since_ms), max(until_ms)
    FROM numbered GROUP BY kind, tenant, number HAVING max(until_ms) > min(since_ms)
    UNION ALL
    SELECT kind, tenant, hour_s + 3600, since_ms, until_ms
    FROM hourly WHERE (hour_s + 3600) * 1000 < until_ms
),
-- From the counters at the first and last sample of each hour, as in the report throttling.
counted AS (
    SELECT container, hour_s, first_us, last_us FROM throttle_hour WHERE hour_s < :to
    UNION ALL
    SELECT s.container, k.wall_ms / 3600000 * 3600, min(s.cpu_throttled_us), max(s.cpu_throttled_us)
    FROM sample s JOIN tick k ON k.id = s.tick
    WHERE s.cpu_throttled_us IS NOT NULL AND k.wall_ms < :to * 1000
    GROUP BY 1, 2
),
risen AS (
    SELECT container, hour_s, last_us - coalesce(
        lag(last_us) OVER (PARTITION BY container ORDER BY first_us, last_us), first_us)
        AS throttled_us
    FROM counted
),
part AS (
    SELECT tenant, hour_s, kind,
        1000 * sum(min(until_ms, (hour_s + 3600) * 1000) - max(since_ms, hour_s * 1000)) AS us
    FROM hourly GROUP BY tenant, hour_s, kind
    UNION ALL
    SELECT coalesce(a.tenant, 'unattributed'), r.hour_s, 'throttled', CAST(total(r.throttled_us) AS INTEGER)
    FROM risen r
    LEFT JOIN attribution a ON a.container = r.container AND a.since_s <= r.hour_s
        AND (a.until_s IS NULL OR r.hour_s < a.until_s)
    WHERE r.hour_s >= :from AND r.throttled_us > 0
    GROUP BY 1, 2
)
SELECT
    tenant,
    strftime('%Y-%m-%dT%H:%M:%SZ', hour_s, 'unixepoch') AS hour,
    coalesce(sum(us) FILTER (WHERE kind = 'boost'), 0) AS boosted_us,
    coalesce(sum(us) FILTER (WHERE kind = 'budget'), 0) AS budget_us,
    coalesce(sum(us) FILTER (WHERE kind = 'frozen'), 0) AS frozen_us,
    coalesce(sum(us) FILTER (WHERE kind = 'throttled'), 0) AS throttled_us
FROM part
WHERE :tenant IS NULL OR tenant = :tenant
GROUP BY tenant, hour_s
ORDER BY hour_s, tenant = 'unattributed', tenant
LIMIT coalesce(:limit, -1);
