-- The meter of space that folders hold. A store that has a custom meter of this name keeps it.
INSERT OR IGNORE INTO meter (name, shown_as, memory_formula, unit)
    VALUES ('storage', 'storage', NULL, 'byte-second');

-- Measurements of folders. The account of a folder is a container of runtime storage, with a
-- negative number in place of a cgroup id.
CREATE TABLE storage_reading (
    container INTEGER NOT NULL REFERENCES container (id),
    at_ms     INTEGER NOT NULL,
    bytes     INTEGER NOT NULL CHECK (bytes >= 0),
    -- By the file system's project quota, or by a walk through the folder.
    method    TEXT    NOT NULL CHECK (method IN ('quota', 'walk')),
    PRIMARY KEY (container, at_ms)
) STRICT, WITHOUT ROWID;

-- Three tables change their columns. Each is made anew from a copy: ALTER TABLE would read the whole schema
-- again for every column.

-- Rules may name folders.
CREATE TEMP TABLE kept AS SELECT * FROM tenant_rule ORDER BY rowid;
DROP TABLE tenant_rule;
CREATE TABLE tenant_rule (
    tenant   TEXT    NOT NULL REFERENCES tenant (id),
    place    INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (
        kind IN ('slice', 'root', 'label', 'namespace', 'unit', 'cgroup', 'storage')),
    pattern  TEXT    NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER
) STRICT;
INSERT INTO tenant_rule SELECT * FROM temp.kept ORDER BY rowid;
DROP TABLE temp.kept;
CREATE INDEX tenant_rule_in_force ON tenant_rule (tenant) WHERE until_ms IS NULL;

-- Where gauges and the network of an account stand. For each gauge: its code (Metering, Gauge.code), value or -,
-- time in us after boot and carry, with spaces between. One text has room for any gauge, so a new one needs no
-- column. The namespace is with the account, because every interface of it may be unread.
CREATE TEMP TABLE kept AS SELECT container, cpu_usage_us, cpu_boottime_us, cpu_ahead_us, io_boottime_us,
    net_boottime_us,
    (SELECT max(n.namespace) FROM position_net n
        WHERE n.container = p.container AND n.boottime_us = p.net_boottime_us) AS net_namespace,
    trim(
        iif(memory_boottime_us IS NULL, '', '0 ' || coalesce(current_bytes, '-')
            || ' ' || memory_boottime_us || ' ' || current_carry
            || ' 1 ' || coalesce(working_set_bytes, '-')
            || ' ' || memory_boottime_us || ' ' || working_set_carry
            || ' 2 ' || coalesce(unreclaimable_bytes, '-')
            || ' ' || memory_boottime_us || ' ' || unreclaimable_carry)
        || iif(reserved_boottime_us IS NULL, '', ' 3 ' || coalesce(cpu_reserved_nanocores, '-')
            || ' ' || reserved_boottime_us || ' ' || cpu_reserved_carry
            || ' 4 ' || coalesce(memory_reserved_bytes, '-')
            || ' ' || reserved_boottime_us || ' ' || memory_reserved_carry)) AS gauges
    FROM position p;
DROP TABLE position;
CREATE TABLE position (
    container       INTEGER PRIMARY KEY REFERENCES container (id),
    cpu_usage_us    INTEGER,
    cpu_boottime_us INTEGER,
    -- What was billed above (or, if negative, below) cpu_usage_us, on account of the tenant root.
    cpu_ahead_us    INTEGER NOT NULL DEFAULT 0,
    io_boottime_us  INTEGER,
    net_boottime_us INTEGER,
    net_namespace   INTEGER,
    gauges          TEXT    NOT NULL DEFAULT '',
    CHECK ((cpu_usage_us IS NULL) = (cpu_boottime_us IS NULL))
) STRICT;
INSERT INTO position SELECT * FROM temp.kept;
DROP TABLE temp.kept;

-- An interface without counters could not be read; it begins at its first reading.
CREATE TEMP TABLE kept AS SELECT * FROM position_net;
DROP TABLE position_net;
CREATE TABLE position_net (
    container   INTEGER NOT NULL REFERENCES container (id),
    namespace   INTEGER NOT NULL,
    interface   TEXT    NOT NULL,
    boottime_us INTEGER NOT NULL,
    rx_bytes    INTEGER,
    tx_bytes    INTEGER,
    PRIMARY KEY (container, interface),
    CHECK ((rx_bytes IS NULL) = (tx_bytes IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO position_net SELECT * FROM temp.kept;
DROP TABLE temp.kept;
