-- title: Unmetered usage
-- about: What containers used and nobody is billed: before a first reading, or lost with a slice.
-- parameter: from, to: the period, seconds since 1970 (whole UTC hours)
-- parameter: tenant: only this tenant (optional; NULL for all)
-- parameter: limit: at most so many rows (optional; NULL for all)
-- column: tenant: who; unattributed is usage of nobody
-- column: container: its path
-- column: reason: before_first_reading or root_vanished
-- column: since: from when it was not metered; NULL: since it was made
-- column: until: until when; it lies in the period
-- column: cpu_us: the CPU time of it; NULL if not known; display=us
SELECT
    coalesce(a.tenant, 'unattributed') AS tenant,
    c.path AS container,
    u.reason,
    strftime('%Y-%m-%dT%H:%M:%SZ', u.since_ms / 1000, 'unixepoch') AS since,
    strftime('%Y-%m-%dT%H:%M:%SZ', u.until_ms / 1000, 'unixepoch') AS until,
    u.cpu_us
FROM unmetered u
JOIN container c ON c.id = u.container
LEFT JOIN attribution a
    ON a.container = c.id AND a.since_s <= u.until_ms / 1000
    AND (a.until_s IS NULL OR u.until_ms / 1000 < a.until_s)
WHERE u.until_ms >= :from * 1000 AND u.until_ms < :to * 1000
    AND (:tenant IS NULL OR coalesce(a.tenant, 'unattributed') = :tenant)
ORDER BY a.tenant IS NULL, a.tenant, c.path, u.until_ms
LIMIT coalesce(:limit, -1);
