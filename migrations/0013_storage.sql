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

-- Rules may name folders. The check of a column cannot be changed, so the table is made anew.
DROP INDEX tenant_rule_in_force;
CREATE TABLE tenant_rule_2 (
    tenant   TEXT    NOT NULL REFERENCES tenant (id),
    place    INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (
        kind IN ('slice', 'root', 'label', 'namespace', 'unit', 'cgroup', 'storage')),
    pattern  TEXT    NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER
) STRICT;
INSERT INTO tenant_rule_2 SELECT * FROM tenant_rule ORDER BY rowid;
DROP TABLE tenant_rule;
ALTER TABLE tenant_rule_2 RENAME TO tenant_rule;
CREATE INDEX tenant_rule_in_force ON tenant_rule (tenant) WHERE until_ms IS NULL;

-- Where the network stands: its namespace with the account, because every interface of it may be unread. An
-- interface without counters could not be read; it begins at its first reading.
ALTER TABLE position ADD COLUMN net_namespace INTEGER;
UPDATE position SET net_namespace = (
    SELECT max(n.namespace) FROM position_net n
    WHERE n.container = position.container AND n.boottime_us = position.net_boottime_us);
CREATE TABLE position_net_2 (
    container   INTEGER NOT NULL REFERENCES container (id),
    namespace   INTEGER NOT NULL,
    interface   TEXT    NOT NULL,
    boottime_us INTEGER NOT NULL,
    rx_bytes    INTEGER,
    tx_bytes    INTEGER,
    PRIMARY KEY (container, interface),
    CHECK ((rx_bytes IS NULL) = (tx_bytes IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO position_net_2 SELECT * FROM position_net;
DROP TABLE position_net;
ALTER TABLE position_net_2 RENAME TO position_net;

-- Where gauges stand: for each its code (Metering, Gauge.code), value or -, time in us after boot and
-- carry, with spaces between. One text has room for any gauge, so a new one needs no column.
ALTER TABLE position ADD COLUMN gauges TEXT NOT NULL DEFAULT '';
UPDATE position SET gauges = trim(
    iif(memory_boottime_us IS NULL, '', '0 ' || coalesce(current_bytes, '-')
        || ' ' || memory_boottime_us || ' ' || current_carry
        || ' 1 ' || coalesce(working_set_bytes, '-')
        || ' ' || memory_boottime_us || ' ' || working_set_carry
        || ' 2 ' || coalesce(unreclaimable_bytes, '-')
        || ' ' || memory_boottime_us || ' ' || unreclaimable_carry)
    || iif(reserved_boottime_us IS NULL, '', ' 3 ' || coalesce(cpu_reserved_nanocores, '-')
        || ' ' || reserved_boottime_us || ' ' || cpu_reserved_carry
        || ' 4 ' || coalesce(memory_reserved_bytes, '-')
        || ' ' || reserved_boottime_us || ' ' || memory_reserved_carry));
ALTER TABLE position DROP COLUMN memory_boottime_us;
ALTER TABLE position DROP COLUMN current_bytes;
ALTER TABLE position DROP COLUMN current_carry;
ALTER TABLE position DROP COLUMN working_set_bytes;
ALTER TABLE position DROP COLUMN working_set_carry;
ALTER TABLE position DROP COLUMN unreclaimable_bytes;
ALTER TABLE position DROP COLUMN unreclaimable_carry;
ALTER TABLE position DROP COLUMN reserved_boottime_us;
ALTER TABLE position DROP COLUMN cpu_reserved_nanocores;
ALTER TABLE position DROP COLUMN cpu_reserved_carry;
ALTER TABLE position DROP COLUMN memory_reserved_bytes;
ALTER TABLE position DROP COLUMN memory_reserved_carry;
