-- A closed ledger of one month: 1,000 tenants with 10 containers each, a row for each hour.
-- What its rows come to is made up; where they lie is as Octroi puts them. The tenants are applied before.
PRAGMA foreign_keys = OFF;
PRAGMA synchronous = OFF;
BEGIN;
INSERT INTO boot VALUES (1, 'bench', 0);
CREATE TEMP TABLE number AS
    WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i FROM n;
CREATE TEMP TABLE newest AS SELECT coalesce(max(id), 0) AS entry FROM ledger_entry;
INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms, last_seen_ms)
    SELECT i + 1, 'container', 1, i + 1, '/c' || i, 'cgroup', 0, 0 FROM number;
INSERT INTO attribution (container, since_s, tenant) SELECT i + 1, -62135596800, 't' || (i / 10) FROM number;
INSERT INTO ledger_entry
    SELECT entry + i + 1, 'hour', 1790812800 + i * 3600, 0, 0, -1, zeroblob(32), zeroblob(32), x''
    FROM number CROSS JOIN newest WHERE i < 720;
INSERT INTO usage (container, hour_s, meter, assurance, entry, quantity)
    SELECT c.i + 1, 1790812800 + h.i * 3600, 1, 1, entry + h.i + 1,
        1000000 + (c.i * 7919 + h.i * 104729) % 3000000000
    FROM number c CROSS JOIN number h CROSS JOIN newest WHERE h.i < 720;
UPDATE ledger_entry SET row_count = 0 WHERE id > (SELECT entry FROM newest);
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
