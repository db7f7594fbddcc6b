-- title: Unmetered usage
-- about: Usage that nobody is billed for: before a first reading, lost with a slice, or priced and not measured.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: maximum number of rows (optional; NULL for all)
-- column: tenant: the tenant; unattributed is usage of no tenant
-- column: container: its path
-- column: reason: before_first_reading, root_vanished, or why a kernel file could not be read
-- column: since: since when it was not metered; NULL: since it was created
-- column: until: until when it was not metered
-- column: cpu_us: the CPU time that was not metered; for a tenant root it includes the containers below it; NULL if not known; display=us
-- column: meters: the priced meters that it concerns; NULL: all
-- column: file: the kernel file that could not be read; cgroup: none of its files could be read; NULL: it concerns no file
-- column: made_good: 1 if the counter went on and its next reading was billed, so that nothing is lost
WITH row AS (
    SELECT coalesce(a.tenant, 'unattributed') AS tenant, c.path, u.reason, u.since_ms, u.until_ms,
        u.cpu_us, NULL AS meters, NULL AS file, 0 AS made_good
    FROM unmetered u
    JOIN container c ON c.id = u.container
    LEFT JOIN attribution a
        ON a.container = c.id AND a.since_s <= u.until_ms / 1000
        AND (a.until_s IS NULL OR u.until_ms / 1000 < a.until_s)
    WHERE u.until_ms >= :from * 1000 AND u.until_ms < :to * 1000
    UNION ALL
    SELECT tenant, path, reason, max(since_ms, :from * 1000), min(until_ms, :to * 1000), NULL,
        meters, file, is_made_good
    FROM unmeasured_time WHERE since_ms < :to * 1000 AND until_ms > :from * 1000
)
SELECT
    tenant,
    path AS container,
    reason,
    strftime('%Y-%m-%dT%H:%M:%SZ', since_ms / 1000, 'unixepoch') AS since,
    strftime('%Y-%m-%dT%H:%M:%SZ', until_ms / 1000, 'unixepoch') AS until,
    cpu_us,
    meters,
    file,
    made_good
FROM row
WHERE :tenant IS NULL OR tenant = :tenant
ORDER BY tenant = 'unattributed', tenant, path, until_ms, file
LIMIT coalesce(:limit, -1);
