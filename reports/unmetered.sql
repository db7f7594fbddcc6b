-- title: Unmetered usage
-- about: What containers used and nobody is billed: before their first reading, or lost with a slice.
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
WHERE u.until_ms / 1000 >= :from AND u.until_ms / 1000 < :to
ORDER BY a.tenant IS NULL, a.tenant, c.path, u.until_ms;
