-- Octroi's first schema. Every quantity is a whole number with its unit in the column's name:
-- _s seconds since 1970 (UTC), _ms milliseconds since 1970, _us microseconds, _bytes bytes.

PRAGMA application_id = 0x4F637472;  -- "Octr"

-- Who ran when. A cgroup id means something only within one boot.
CREATE TABLE boot (
    id            INTEGER PRIMARY KEY,
    boot_id       TEXT    NOT NULL UNIQUE,
    first_seen_ms INTEGER NOT NULL
) STRICT;

-- One life of the collector.
CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    boot        INTEGER NOT NULL REFERENCES boot (id),
    root        TEXT    NOT NULL,
    interval_ms INTEGER NOT NULL CHECK (interval_ms > 0),
    started_ms  INTEGER NOT NULL
) STRICT;

-- Completeness: one row for each tick of a run.
CREATE TABLE tick (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES run (id),
    wall_ms     INTEGER NOT NULL,
    boottime_us INTEGER NOT NULL,
    seen        INTEGER NOT NULL CHECK (seen >= 0),
    read        INTEGER NOT NULL CHECK (read >= 0),
    vanished    INTEGER NOT NULL CHECK (vanished >= 0),
    failed      INTEGER NOT NULL CHECK (failed >= 0),
    -- The highest cgroup id seen: the kernel counts them up, so a higher one was born later.
    highest_id  INTEGER NOT NULL,
    duration_us INTEGER NOT NULL CHECK (duration_us >= 0)
) STRICT;

-- Accounts. A container or tenant root is (boot, cgroup id); its path is only a label.
-- An imported account is (tenant, name).
CREATE TABLE container (
    id             INTEGER PRIMARY KEY,
    kind           TEXT    NOT NULL CHECK (kind IN ('container', 'tenant_root', 'imported')),
    boot           INTEGER REFERENCES boot (id),
    cgroup_id      INTEGER,
    path           TEXT    NOT NULL,
    runtime        TEXT    NOT NULL,
    import_tenant  TEXT,
    -- A scope, a service, or it held processes of its own: one container with all below it.
    whole          INTEGER NOT NULL DEFAULT 0 CHECK (whole IN (0, 1)),
    -- The tenant root it lies below.
    root           INTEGER REFERENCES container (id),
    first_seen_ms  INTEGER NOT NULL,
    last_seen_ms   INTEGER NOT NULL,
    -- The kernel never uses an id twice; a plain folder's inodes come back.
    UNIQUE (boot, cgroup_id, first_seen_ms),
    UNIQUE (import_tenant, path),
    CHECK ((kind = 'imported') = (boot IS NULL)),
    CHECK ((boot IS NULL) = (cgroup_id IS NULL)),
    CHECK ((kind = 'imported') = (import_tenant IS NOT NULL))
) STRICT;

-- Telemetry, prunable. NULL is "not measured"; table absence says why.
CREATE TABLE sample (
    tick                INTEGER NOT NULL REFERENCES tick (id),
    container           INTEGER NOT NULL REFERENCES container (id),
    cpu_usage_us        INTEGER CHECK (cpu_usage_us >= 0),
    cpu_user_us         INTEGER CHECK (cpu_user_us >= 0),
    cpu_system_us       INTEGER CHECK (cpu_system_us >= 0),
    cpu_throttled_us    INTEGER CHECK (cpu_throttled_us >= 0),
    memory_bytes        INTEGER CHECK (memory_bytes >= 0),
    anon_bytes          INTEGER CHECK (anon_bytes >= 0),
    file_bytes          INTEGER CHECK (file_bytes >= 0),
    kernel_bytes        INTEGER CHECK (kernel_bytes >= 0),
    sock_bytes          INTEGER CHECK (sock_bytes >= 0),
    shmem_bytes         INTEGER CHECK (shmem_bytes >= 0),
    inactive_file_bytes INTEGER CHECK (inactive_file_bytes >= 0),
    pids                INTEGER CHECK (pids >= 0),
    PRIMARY KEY (tick, container)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample_io (
    tick        INTEGER NOT NULL,
    container   INTEGER NOT NULL,
    major       INTEGER NOT NULL,
    minor       INTEGER NOT NULL,
    read_bytes  INTEGER CHECK (read_bytes >= 0),
    write_bytes INTEGER CHECK (write_bytes >= 0),
    read_ops    INTEGER CHECK (read_ops >= 0),
    write_ops   INTEGER CHECK (write_ops >= 0),
    PRIMARY KEY (tick, container, major, minor)
) STRICT, WITHOUT ROWID;

-- Why a kernel file of a container gave no value, and from when to when.
CREATE TABLE absence (
    container INTEGER NOT NULL REFERENCES container (id),
    file      TEXT    NOT NULL,
    since_ms  INTEGER NOT NULL,
    until_ms  INTEGER,
    reason    TEXT    NOT NULL
        CHECK (reason IN ('controller_off', 'not_permitted', 'malformed', 'incomplete', 'failed')),
    detail    TEXT    NOT NULL,
    PRIMARY KEY (container, file, since_ms)
) STRICT, WITHOUT ROWID;

-- Time in which nothing was metered: the collector was stopped, late or could not write.
CREATE TABLE gap (
    id       INTEGER PRIMARY KEY,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    reason   TEXT    NOT NULL CHECK (reason IN ('not_running', 'rebooted'))
) STRICT;

-- What no correct kernel does, in words.
CREATE TABLE anomaly (
    id        INTEGER PRIMARY KEY,
    tick      INTEGER NOT NULL REFERENCES tick (id),
    container INTEGER NOT NULL REFERENCES container (id),
    found     TEXT    NOT NULL
) STRICT;

-- Where each account stands: written with the sample it comes from, so a restart goes on exactly.
CREATE TABLE position (
    container          INTEGER PRIMARY KEY REFERENCES container (id),
    cpu_usage_us       INTEGER,
    cpu_boottime_us    INTEGER,
    -- What was billed above (or, if negative, below) cpu_usage_us, on account of the tenant root.
    cpu_ahead_us       INTEGER NOT NULL DEFAULT 0,
    io_boottime_us     INTEGER,
    memory_boottime_us INTEGER,
    current_bytes       INTEGER,
    current_carry       INTEGER NOT NULL DEFAULT 0,
    working_set_bytes   INTEGER,
    working_set_carry   INTEGER NOT NULL DEFAULT 0,
    unreclaimable_bytes INTEGER,
    unreclaimable_carry INTEGER NOT NULL DEFAULT 0,
    CHECK ((cpu_usage_us IS NULL) = (cpu_boottime_us IS NULL))
) STRICT;

CREATE TABLE position_io (
    container   INTEGER NOT NULL REFERENCES container (id),
    major       INTEGER NOT NULL,
    minor       INTEGER NOT NULL,
    boottime_us INTEGER NOT NULL,
    read_bytes  INTEGER,
    write_bytes INTEGER,
    read_ops    INTEGER,
    write_ops   INTEGER,
    PRIMARY KEY (container, major, minor)
) STRICT, WITHOUT ROWID;

-- What ledger rows count. Memory is kept by formula; the price book says which one is billed.
CREATE TABLE meter (
    id             INTEGER PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    shown_as       TEXT    NOT NULL,
    memory_formula TEXT CHECK (memory_formula IN ('current', 'working_set', 'unreclaimable')),
    unit           TEXT
) STRICT;
INSERT INTO meter (id, name, shown_as, memory_formula, unit) VALUES
    (1, 'cpu', 'cpu', NULL, 'us'),
    (2, 'memory', 'memory', NULL, 'byte-second'),
    (3, 'memory_current', 'memory', 'current', 'byte-second'),
    (4, 'memory_working_set', 'memory', 'working_set', 'byte-second'),
    (5, 'memory_unreclaimable', 'memory', 'unreclaimable', 'byte-second'),
    (6, 'io_read_bytes', 'io_read_bytes', NULL, 'byte'),
    (7, 'io_write_bytes', 'io_write_bytes', NULL, 'byte'),
    (8, 'io_read_ops', 'io_read_ops', NULL, 'operation'),
    (9, 'io_write_ops', 'io_write_ops', NULL, 'operation'),
    (10, 'net_rx_bytes', 'net_rx_bytes', NULL, 'byte'),
    (11, 'net_tx_bytes', 'net_tx_bytes', NULL, 'byte'),
    (12, 'cpu_reserved', 'cpu_reserved', NULL, 'us'),
    (13, 'memory_reserved', 'memory_reserved', NULL, 'byte-second');

-- The ledger: one row for each account, meter and hour. Kept for ever, apart from samples.
CREATE TABLE usage (
    hour_s    INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    container INTEGER NOT NULL REFERENCES container (id),
    meter     INTEGER NOT NULL REFERENCES meter (id),
    assurance TEXT    NOT NULL CHECK (assurance IN ('conserved', 'estimated_split', 'sampled', 'imported')),
    quantity  INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (hour_s, container, meter, assurance)
) STRICT, WITHOUT ROWID;

-- Control: what a tenant root's own counter says, beside the ledger. From its first reading
-- (0 if its birth was seen) to its last, and by the hour.
CREATE TABLE control (
    container   INTEGER NOT NULL REFERENCES container (id),
    meter       INTEGER NOT NULL REFERENCES meter (id),
    baseline    INTEGER NOT NULL CHECK (baseline >= 0),
    last        INTEGER NOT NULL CHECK (last >= baseline),
    -- What of it waits for the next tick: it ran while the tree was read.
    pending     INTEGER NOT NULL CHECK (pending BETWEEN 0 AND last - baseline),
    PRIMARY KEY (container, meter)
) STRICT, WITHOUT ROWID;

CREATE TABLE control_total (
    hour_s    INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    container INTEGER NOT NULL REFERENCES container (id),
    meter     INTEGER NOT NULL REFERENCES meter (id),
    quantity  INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (hour_s, container, meter)
) STRICT, WITHOUT ROWID;

-- Rows of usage import, as they came: what makes a second import of the same file change nothing.
-- A quantity is 128 bits: high * 2^64 + low, low read as unsigned.
CREATE TABLE usage_import (
    container     INTEGER NOT NULL REFERENCES container (id),
    meter         INTEGER NOT NULL REFERENCES meter (id),
    start_ms      INTEGER NOT NULL,
    end_ms        INTEGER NOT NULL,
    quantity_high INTEGER NOT NULL CHECK (quantity_high >= 0),
    quantity_low  INTEGER NOT NULL,
    imported_ms   INTEGER NOT NULL,
    PRIMARY KEY (container, meter, start_ms, end_ms),
    CHECK (start_ms < end_ms)
) STRICT, WITHOUT ROWID;

-- Who pays. invoice_to is a JSON object.
CREATE TABLE tenant (
    id         TEXT PRIMARY KEY CHECK (id <> 'unattributed'),
    place      INTEGER NOT NULL,
    name       TEXT NOT NULL,
    price_book TEXT,
    invoice_to TEXT NOT NULL,
    removed_ms INTEGER
) STRICT;

-- Rules with their history: in force while until_ms is NULL.
CREATE TABLE tenant_rule (
    tenant   TEXT    NOT NULL REFERENCES tenant (id),
    place    INTEGER NOT NULL,
    kind     TEXT    NOT NULL
        CHECK (kind IN ('slice', 'root', 'label', 'namespace', 'unit', 'cgroup')),
    pattern  TEXT    NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER
) STRICT;

-- Whose usage a container's is, by hours. No row, or a NULL tenant: unattributed.
CREATE TABLE attribution (
    container INTEGER NOT NULL REFERENCES container (id),
    since_s   INTEGER NOT NULL CHECK (since_s % 3600 = 0),
    until_s   INTEGER CHECK (until_s % 3600 = 0),
    tenant    TEXT REFERENCES tenant (id),
    PRIMARY KEY (container, since_s),
    CHECK (until_s IS NULL OR since_s < until_s)
) STRICT, WITHOUT ROWID;

-- Versions of price books. definition is the book as a JSON document with prices in exact text;
-- it is never summed in SQL. A replaced version stays, as invoices may rest on it.
CREATE TABLE price_book (
    id          INTEGER PRIMARY KEY,
    book        TEXT    NOT NULL,
    effective_s INTEGER NOT NULL CHECK (effective_s % 3600 = 0),
    memory      TEXT    NOT NULL CHECK (memory IN ('current', 'working_set', 'unreclaimable')),
    definition  TEXT    NOT NULL,
    applied_ms  INTEGER NOT NULL,
    replaced_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX price_book_in_force ON price_book (book, effective_s)
    WHERE replaced_ms IS NULL;

CREATE TABLE invoice (
    number         TEXT    PRIMARY KEY,
    series         TEXT    NOT NULL,
    sequence       INTEGER NOT NULL CHECK (sequence > 0),
    tenant         TEXT    NOT NULL REFERENCES tenant (id),
    period_start_s INTEGER NOT NULL CHECK (period_start_s % 3600 = 0),
    period_end_s   INTEGER NOT NULL CHECK (period_end_s % 3600 = 0),
    currency       TEXT    NOT NULL,
    net_minor      INTEGER NOT NULL,
    tax_minor      INTEGER NOT NULL,
    total_minor    INTEGER NOT NULL,
    issued_ms      INTEGER NOT NULL,
    UNIQUE (series, sequence),
    CHECK (period_start_s < period_end_s),
    CHECK (net_minor + tax_minor = total_minor)
) STRICT;

-- The price book version that an invoice used for each part of its period.
CREATE TABLE invoice_segment (
    invoice    TEXT    NOT NULL REFERENCES invoice (number),
    start_s    INTEGER NOT NULL,
    end_s      INTEGER NOT NULL,
    price_book INTEGER NOT NULL REFERENCES price_book (id),
    PRIMARY KEY (invoice, start_s)
) STRICT, WITHOUT ROWID;

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
    unit_price        TEXT,
    per               TEXT,
    -- The exact amount in major units, a fraction of two big-endian whole numbers, sign first.
    exact_numerator   BLOB    NOT NULL,
    exact_denominator BLOB    NOT NULL,
    amount_minor      INTEGER NOT NULL,
    PRIMARY KEY (invoice, line)
) STRICT, WITHOUT ROWID;

-- An issued invoice never changes.
CREATE TRIGGER invoice_is_final BEFORE UPDATE ON invoice
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_is_new BEFORE INSERT ON invoice
    WHEN EXISTS (SELECT 1 FROM invoice WHERE number = new.number
        OR (series = new.series AND sequence = new.sequence))
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_line_is_new BEFORE INSERT ON invoice_line
    WHEN EXISTS (SELECT 1 FROM invoice_line WHERE invoice = new.invoice AND line = new.line)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_segment_is_new BEFORE INSERT ON invoice_segment
    WHEN EXISTS (SELECT 1 FROM invoice_segment WHERE invoice = new.invoice AND start_s = new.start_s)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_stays BEFORE DELETE ON invoice
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER invoice_line_is_final BEFORE UPDATE ON invoice_line
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_line_stays BEFORE DELETE ON invoice_line
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER invoice_segment_is_final BEFORE UPDATE ON invoice_segment
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_segment_stays BEFORE DELETE ON invoice_segment
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;

-- Every limit that was written: who, when, why, before, after.
CREATE TABLE limit_change (
    id        INTEGER PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    target    TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    cgroup_id INTEGER NOT NULL,
    file      TEXT    NOT NULL,
    before    TEXT    NOT NULL,
    wanted    TEXT    NOT NULL,
    -- What the kernel gave back after the write.
    after     TEXT    NOT NULL,
    verified  INTEGER NOT NULL CHECK (verified IN (0, 1)),
    reason    TEXT
) STRICT;
CREATE TRIGGER limit_change_is_final BEFORE UPDATE ON limit_change
    BEGIN SELECT raise(ABORT, 'the record of limits is append-only'); END;
CREATE TRIGGER limit_change_stays BEFORE DELETE ON limit_change
    BEGIN SELECT raise(ABORT, 'the record of limits is append-only'); END;

-- The ledger in words, with each row's tenant. Memory stands in it once for each formula.
CREATE VIEW ledger_hour AS
SELECT
    u.hour_s,
    coalesce(a.tenant, 'unattributed') AS tenant,
    c.path AS container,
    m.shown_as AS meter,
    m.memory_formula,
    u.quantity,
    m.unit,
    u.assurance,
    u.container AS container_id
FROM usage u
JOIN container c ON c.id = u.container
JOIN meter m ON m.id = u.meter
LEFT JOIN attribution a
    ON a.container = u.container
    AND a.since_s <= u.hour_s AND (a.until_s IS NULL OR u.hour_s < a.until_s);

-- The same for reports and people: of the memory rows, only those of the formula in the tenant's
-- price book at that hour, so that every quantity stands in it once.
CREATE VIEW usage_hour AS
SELECT l.hour_s, l.tenant, l.container, l.meter, l.quantity, l.unit, l.assurance, l.container_id
FROM ledger_hour l
LEFT JOIN tenant t ON t.id = l.tenant
WHERE l.memory_formula IS NULL
    OR l.memory_formula = coalesce(
        (SELECT b.memory FROM price_book b
         WHERE b.book = t.price_book AND b.replaced_ms IS NULL AND b.effective_s <= l.hour_s
         ORDER BY b.effective_s DESC LIMIT 1),
        'unreclaimable');
