-- The store in two parts: samples, sealed by the hour and pruned; and the ledger, closed by the
-- hour into entries that are chained by their hashes, and kept for ever.

-- One closing of ledger rows: the hour's at its end, an import's at once. Rows of the ledger name
-- the entry that closed them; 0 is "not closed yet" and the beginning of the chain.
CREATE TABLE ledger_entry (
    id        INTEGER PRIMARY KEY CHECK (id >= 0),
    kind      TEXT    NOT NULL CHECK (kind IN ('genesis', 'hour', 'import')),
    hour_s    INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    closed_ms INTEGER NOT NULL,
    -- The last tick whose completeness is in this entry or an earlier one.
    last_tick INTEGER NOT NULL CHECK (last_tick >= 0),
    -- -1 while it is being closed.
    row_count INTEGER NOT NULL CHECK (row_count >= -1),
    -- SHA-256 of the rows' canonical bytes, and of the previous hash with all of this entry.
    content   BLOB    NOT NULL CHECK (length(content) = 32),
    hash      BLOB    NOT NULL CHECK (length(hash) = 32),
    -- CRC-32 of each row, in order: what names the row that was changed.
    row_sums  BLOB    NOT NULL CHECK (length(row_sums) = 4 * max(row_count, 0))
) STRICT;
INSERT INTO ledger_entry VALUES (0, 'genesis', 0, 0, 0, 0, zeroblob(32), zeroblob(32), x'');
CREATE TRIGGER ledger_entry_is_next BEFORE INSERT ON ledger_entry
    WHEN new.id <> (SELECT max(id) FROM ledger_entry) + 1 OR new.row_count <> -1
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entry_is_final BEFORE UPDATE ON ledger_entry
    WHEN old.row_count <> -1 OR new.row_count = -1 OR new.id <> old.id
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

CREATE TABLE assurance (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO assurance VALUES
    (0, 'conserved'), (1, 'sampled'), (2, 'estimated_split'), (3, 'imported');

DROP VIEW usage_hour;
DROP VIEW ledger_hour;

-- Usage of hours that still change. By the hour first: a tick writes into few pages.
ALTER TABLE usage RENAME TO usage_1;
CREATE TABLE usage_open (
    hour_s    INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    container INTEGER NOT NULL REFERENCES container (id),
    meter     INTEGER NOT NULL REFERENCES meter (id),
    assurance INTEGER NOT NULL REFERENCES assurance (id),
    quantity  INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (hour_s, container, meter, assurance)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_open (hour_s, container, meter, assurance, quantity)
    SELECT u.hour_s, u.container, u.meter, a.id, u.quantity
    FROM usage_1 u JOIN assurance a ON a.name = u.assurance;
DROP TABLE usage_1;

-- The ledger: closed usage. By the container first: an account's months lie side by side.
CREATE TABLE usage (
    container INTEGER NOT NULL REFERENCES container (id),
    hour_s    INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    meter     INTEGER NOT NULL REFERENCES meter (id),
    assurance INTEGER NOT NULL REFERENCES assurance (id),
    entry     INTEGER NOT NULL REFERENCES ledger_entry (id) CHECK (entry > 0),
    quantity  INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (container, hour_s, meter, assurance, entry)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER usage_is_new BEFORE INSERT ON usage
    WHEN NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER usage_is_final BEFORE UPDATE ON usage
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER usage_stays BEFORE DELETE ON usage
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- What tenant roots' own counters rose by, in each hour.
ALTER TABLE control_total RENAME TO control_total_1;
CREATE TABLE control_total (
    container INTEGER NOT NULL REFERENCES container (id),
    hour_s    INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    meter     INTEGER NOT NULL REFERENCES meter (id),
    entry     INTEGER NOT NULL REFERENCES ledger_entry (id),
    quantity  INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (container, hour_s, meter, entry)
) STRICT, WITHOUT ROWID;
INSERT INTO control_total SELECT container, hour_s, meter, 0, quantity FROM control_total_1;
DROP TABLE control_total_1;
CREATE INDEX control_total_open ON control_total (hour_s) WHERE entry = 0;

-- What the host could have given in each hour: cores times time, memory times time.
CREATE TABLE capacity (
    hour_s   INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    boot     INTEGER NOT NULL REFERENCES boot (id),
    meter    INTEGER NOT NULL REFERENCES meter (id),
    entry    INTEGER NOT NULL REFERENCES ledger_entry (id),
    quantity INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (hour_s, boot, meter, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX capacity_open ON capacity (hour_s) WHERE entry = 0;

-- How complete the ticks of an hour were: what stays of table tick once that is pruned.
CREATE TABLE completeness (
    hour_s            INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    run               INTEGER NOT NULL REFERENCES run (id),
    entry             INTEGER NOT NULL REFERENCES ledger_entry (id),
    ticks             INTEGER NOT NULL CHECK (ticks > 0),
    seen              INTEGER NOT NULL CHECK (seen >= 0),
    read              INTEGER NOT NULL CHECK (read >= 0),
    vanished          INTEGER NOT NULL CHECK (vanished >= 0),
    failed            INTEGER NOT NULL CHECK (failed >= 0),
    births            INTEGER NOT NULL CHECK (births >= 0),
    ends              INTEGER NOT NULL CHECK (ends >= 0),
    last_readings     INTEGER NOT NULL CHECK (last_readings >= 0),
    skipped           INTEGER NOT NULL CHECK (skipped >= 0),
    widest_bracket_us INTEGER NOT NULL,
    longest_tick_us   INTEGER NOT NULL,
    first_epoch       INTEGER NOT NULL,
    last_epoch        INTEGER NOT NULL,
    PRIMARY KEY (hour_s, run, entry)
) STRICT, WITHOUT ROWID;

-- Closed with the next entry.
ALTER TABLE gap ADD COLUMN entry INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0);
ALTER TABLE unmetered ADD COLUMN entry INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0);
ALTER TABLE usage_import ADD COLUMN entry INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0);
CREATE INDEX gap_open ON gap (entry) WHERE entry = 0;
CREATE INDEX unmetered_open ON unmetered (entry) WHERE entry = 0;
CREATE INDEX usage_import_open ON usage_import (entry) WHERE entry = 0;

-- An anomaly outlives its tick.
ALTER TABLE anomaly RENAME TO anomaly_1;
CREATE TABLE anomaly (
    id        INTEGER PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    container INTEGER NOT NULL REFERENCES container (id),
    found     TEXT    NOT NULL,
    entry     INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0)
) STRICT;
INSERT INTO anomaly (id, at_ms, container, found)
    SELECT a.id, t.wall_ms, a.container, a.found FROM anomaly_1 a JOIN tick t ON t.id = a.tick;
DROP TABLE anomaly_1;
CREATE INDEX anomaly_open ON anomaly (entry) WHERE entry = 0;

CREATE TRIGGER control_total_is_new BEFORE INSERT ON control_total
    WHEN new.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER control_total_is_final BEFORE UPDATE ON control_total
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER control_total_stays BEFORE DELETE ON control_total WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER capacity_is_new BEFORE INSERT ON capacity
    WHEN new.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER capacity_is_final BEFORE UPDATE ON capacity
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER capacity_stays BEFORE DELETE ON capacity WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER completeness_is_new BEFORE INSERT ON completeness
    WHEN NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER completeness_is_final BEFORE UPDATE ON completeness
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER completeness_stays BEFORE DELETE ON completeness WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER gap_is_new BEFORE INSERT ON gap
    WHEN new.entry <> 0
        OR EXISTS (SELECT 1 FROM gap WHERE id = new.id
            AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER gap_is_final BEFORE UPDATE ON gap
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER gap_stays BEFORE DELETE ON gap WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER unmetered_is_new BEFORE INSERT ON unmetered
    WHEN new.entry <> 0
        OR EXISTS (SELECT 1 FROM unmetered WHERE container = new.container AND until_ms = new.until_ms
            AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER unmetered_is_final BEFORE UPDATE ON unmetered
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER unmetered_stays BEFORE DELETE ON unmetered WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER usage_import_is_new BEFORE INSERT ON usage_import
    WHEN new.entry <> 0
        OR EXISTS (SELECT 1 FROM usage_import WHERE container = new.container AND meter = new.meter
            AND start_ms = new.start_ms AND end_ms = new.end_ms
            AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER usage_import_is_final BEFORE UPDATE ON usage_import
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER usage_import_stays BEFORE DELETE ON usage_import WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER anomaly_is_new BEFORE INSERT ON anomaly
    WHEN new.entry <> 0
        OR EXISTS (SELECT 1 FROM anomaly WHERE id = new.id
            AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER anomaly_is_final BEFORE UPDATE ON anomaly
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER anomaly_stays BEFORE DELETE ON anomaly WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- Samples of closed hours: one container's, in columns, with a checksum.
CREATE TABLE sample_block (
    id         INTEGER PRIMARY KEY,
    container  INTEGER NOT NULL REFERENCES container (id),
    first_tick INTEGER NOT NULL,
    last_tick  INTEGER NOT NULL CHECK (last_tick >= first_tick),
    hour_s     INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    samples    INTEGER NOT NULL CHECK (samples > 0),
    data       BLOB    NOT NULL,
    UNIQUE (container, first_tick)
) STRICT;
CREATE INDEX sample_block_hour ON sample_block (hour_s);

-- The same for the rows of one device.
CREATE TABLE sample_io_block (
    id         INTEGER PRIMARY KEY,
    container  INTEGER NOT NULL REFERENCES container (id),
    major      INTEGER NOT NULL,
    minor      INTEGER NOT NULL,
    first_tick INTEGER NOT NULL,
    last_tick  INTEGER NOT NULL CHECK (last_tick >= first_tick),
    hour_s     INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    samples    INTEGER NOT NULL CHECK (samples > 0),
    data       BLOB    NOT NULL,
    UNIQUE (container, major, minor, first_tick)
) STRICT;
CREATE INDEX sample_io_block_hour ON sample_io_block (hour_s);

-- No price as text: its digits as a whole number, and how many of them stand behind the point.
-- price_digits and price_scale are Octroi's functions, and so are those for people:
-- decimal(unit_price_digits, unit_price_scale), int128(quantity_high, quantity_low).
ALTER TABLE invoice_line RENAME TO invoice_line_1;
CREATE TABLE invoice_line (
    invoice           TEXT    NOT NULL REFERENCES invoice (number),
    line              INTEGER NOT NULL CHECK (line > 0),
    kind              TEXT    NOT NULL
        CHECK (kind IN ('usage', 'fixed', 'minimum', 'discount', 'tax', 'correction', 'unpriced')),
    meter             TEXT    NOT NULL,
    container         TEXT,
    period_start_s    INTEGER NOT NULL,
    period_end_s      INTEGER NOT NULL,
    quantity_high     INTEGER,
    quantity_low      INTEGER,
    unit              TEXT,
    unit_price_digits BLOB,
    unit_price_scale  INTEGER CHECK (unit_price_scale >= 0),
    per               TEXT,
    -- The exact amount in major units, a fraction of two big-endian whole numbers, sign first.
    exact_numerator   BLOB    NOT NULL,
    exact_denominator BLOB    NOT NULL,
    amount_minor      INTEGER NOT NULL,
    PRIMARY KEY (invoice, line),
    CHECK ((quantity_high IS NULL) = (quantity_low IS NULL)),
    CHECK ((unit_price_digits IS NULL) = (unit_price_scale IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO invoice_line SELECT invoice, line, kind, meter, container, period_start_s, period_end_s,
    quantity_high, quantity_low, unit, price_digits(unit_price), price_scale(unit_price), per,
    exact_numerator, exact_denominator, amount_minor FROM invoice_line_1;
DROP TABLE invoice_line_1;
CREATE TRIGGER invoice_line_is_new BEFORE INSERT ON invoice_line
    WHEN EXISTS (SELECT 1 FROM invoice_line WHERE invoice = new.invoice AND line = new.line)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_line_is_final BEFORE UPDATE ON invoice_line
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_line_stays BEFORE DELETE ON invoice_line
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;

CREATE INDEX attribution_tenant ON attribution (tenant);
CREATE INDEX container_root ON container (root);

-- The ledger in words, with each row's tenant. Memory stands in it once for each formula.
CREATE VIEW ledger_closed AS
SELECT
    u.hour_s,
    strftime('%Y-%m-%dT%H:%M:%SZ', u.hour_s, 'unixepoch') AS hour,
    coalesce(t.tenant, 'unattributed') AS tenant,
    c.path AS container,
    m.shown_as AS meter,
    m.memory_formula,
    u.quantity,
    m.unit,
    a.name AS assurance,
    u.container AS container_id
FROM container c
CROSS JOIN usage u ON u.container = c.id
JOIN meter m ON m.id = u.meter
JOIN assurance a ON a.id = u.assurance
LEFT JOIN attribution t
    ON t.container = u.container
    AND t.since_s <= u.hour_s AND (t.until_s IS NULL OR u.hour_s < t.until_s);
CREATE VIEW ledger_open AS
SELECT
    u.hour_s,
    strftime('%Y-%m-%dT%H:%M:%SZ', u.hour_s, 'unixepoch') AS hour,
    coalesce(t.tenant, 'unattributed') AS tenant,
    c.path AS container,
    m.shown_as AS meter,
    m.memory_formula,
    u.quantity,
    m.unit,
    a.name AS assurance,
    u.container AS container_id
FROM usage_open u
JOIN container c ON c.id = u.container
JOIN meter m ON m.id = u.meter
JOIN assurance a ON a.id = u.assurance
LEFT JOIN attribution t
    ON t.container = u.container
    AND t.since_s <= u.hour_s AND (t.until_s IS NULL OR u.hour_s < t.until_s);
CREATE VIEW ledger_hour AS
SELECT * FROM ledger_closed UNION ALL SELECT * FROM ledger_open;

-- The same for reports and people: of the memory rows, only those of the formula in the tenant's
-- price book at that hour, so that every quantity stands in it once.
CREATE VIEW usage_hour AS
SELECT l.hour_s, l.tenant, l.container, l.meter, l.quantity, l.unit, l.assurance, l.container_id,
    l.hour
FROM ledger_hour l
LEFT JOIN tenant t ON t.id = l.tenant
WHERE l.memory_formula IS NULL
    OR l.memory_formula = coalesce(
        (SELECT b.memory FROM price_book b
         WHERE b.book = t.price_book AND b.replaced_ms IS NULL AND b.effective_s <= l.hour_s
         ORDER BY b.effective_s DESC LIMIT 1),
        'unreclaimable');

-- The samples of the current hour, in words. Older ones: octroi samples.
CREATE VIEW sample_hot AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', k.wall_ms / 1000, 'unixepoch') AS at,
    coalesce(t.tenant, 'unattributed') AS tenant,
    c.path,
    d.name,
    s.*
FROM sample s
JOIN tick k ON k.id = s.tick
JOIN container c ON c.id = s.container
LEFT JOIN container_detail d ON d.container = c.id
LEFT JOIN attribution t
    ON t.container = c.id AND t.since_s <= k.wall_ms / 1000
    AND (t.until_s IS NULL OR k.wall_ms / 1000 < t.until_s);

-- How complete each hour was: what is closed, and the ticks that are not yet.
CREATE VIEW completeness_hour AS
SELECT hour_s, run, ticks, seen, read, vanished, failed, births, ends, last_readings, skipped,
    widest_bracket_us, longest_tick_us, first_epoch, last_epoch
FROM completeness
UNION ALL
SELECT wall_ms / 3600000 * 3600, run, count(*), sum(seen), sum(read), sum(vanished), sum(failed),
    sum(births), sum(ends), sum(last_readings), sum(skipped), max(bracket_us), max(duration_us),
    min(epoch), max(epoch)
FROM tick WHERE id > (SELECT last_tick FROM ledger_entry ORDER BY id DESC LIMIT 1)
GROUP BY wall_ms / 3600000, run;
