-- The kernel files that the prices of a price book's version need: what is not measured where one of
-- them cannot be read.
CREATE TABLE priced_file (
    price_book INTEGER NOT NULL REFERENCES price_book (id),
    -- As in absence.
    file       TEXT    NOT NULL,
    -- Whether it holds counters, which go on while nobody reads them.
    is_counted INTEGER NOT NULL CHECK (is_counted IN (0, 1)),
    -- Names, with commas between them.
    meters     TEXT    NOT NULL,
    PRIMARY KEY (price_book, file, is_counted)
) STRICT, WITHOUT ROWID;
-- priced_files is a function of Octroi.
INSERT INTO priced_file
    SELECT b.id, f.value ->> 'file', f.value ->> 'is_counted', f.value ->> 'meters'
    FROM price_book b CROSS JOIN json_each(priced_files(b.definition)) f;

-- What was priced and not measured: each absence, cut to the time of the tenant that owned the
-- container and to the versions of its price book.
CREATE VIEW unmeasured_time AS
WITH
version AS (
    SELECT id, book, iif(lag(id) OVER of_book IS NULL, -62135596800, effective_s) * 1000 AS since_ms,
        lead(effective_s, 1, 253402300800) OVER of_book * 1000 AS until_ms
    FROM price_book WHERE replaced_ms IS NULL
    WINDOW of_book AS (PARTITION BY book ORDER BY effective_s)
),
priced AS (
    SELECT v.book, v.since_ms, v.until_ms, f.file, f.meters, f.is_counted
    FROM version v JOIN priced_file f ON f.price_book = v.id
),
-- Up to when a file was not read: until it was, or the container ended, or the host was started anew,
-- or the last tick.
lasting AS (
    SELECT x.*, c.path, c.kind,
        coalesce(
            x.until_ms,
            iif(EXISTS (SELECT 1 FROM position p WHERE p.container = c.id), NULL, c.last_seen_ms),
            (SELECT min(b.first_seen_ms) FROM boot b WHERE b.id > c.boot),
            (SELECT wall_ms FROM tick ORDER BY id DESC LIMIT 1),
            x.since_ms) AS end_ms,
        -- A counter that went on is billed with its next reading, if there was one before.
        x.until_ms IS NOT NULL
            AND x.reason IN ('malformed', 'not_permitted', 'incomplete', 'failed')
            AND NOT (x.since_ms <= c.first_seen_ms AND EXISTS (
                SELECT 1 FROM unmetered u
                WHERE u.container = c.id AND u.reason = 'before_first_reading')) AS is_caught_up
    FROM absence x JOIN container c ON c.id = x.container
    -- Another container of the same network is billed for it.
    WHERE x.reason <> 'shared_namespace'
        -- Without its controller there is no limit that grants anything.
        AND NOT (x.reason = 'controller_off' AND x.file IN ('cpu.max', 'memory.max'))
        -- A tenant's root bills no memory, network or limit where containers lie below it.
        AND (c.kind <> 'tenant_root' OR x.file IN ('cpu.stat', 'io.stat', 'cgroup')
            OR NOT EXISTS (SELECT 1 FROM container b WHERE b.root = c.id))
)
SELECT a.tenant, l.container, l.path, p.meters, l.file, l.reason, l.detail,
    max(l.since_ms, a.since_s * 1000, p.since_ms) AS since_ms,
    min(l.end_ms, coalesce(a.until_s * 1000, l.end_ms), p.until_ms) AS until_ms,
    p.is_counted AND l.is_caught_up AS is_made_good
FROM lasting l
JOIN attribution a ON a.container = l.container
JOIN tenant t ON t.id = a.tenant
JOIN priced p ON p.book = t.price_book AND p.file = l.file
WHERE max(l.since_ms, a.since_s * 1000, p.since_ms)
    < min(l.end_ms, coalesce(a.until_s * 1000, l.end_ms), p.until_ms);
