-- Billing-grade metering: control totals by device, completeness, pressure, reservations.

-- How complete each tick was.
ALTER TABLE tick ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tick ADD COLUMN bracket_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tick ADD COLUMN births INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tick ADD COLUMN ends INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tick ADD COLUMN last_readings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tick ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;

-- Directories a tick could not read, by errno.
CREATE TABLE tick_failure (
    tick  INTEGER NOT NULL REFERENCES tick (id),
    errno INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (tick, errno)
) STRICT, WITHOUT ROWID;

ALTER TABLE sample ADD COLUMN swap_bytes INTEGER CHECK (swap_bytes >= 0);
-- The most memory held since the last sample: an upper bound, never billed.
ALTER TABLE sample ADD COLUMN memory_peak_bytes INTEGER CHECK (memory_peak_bytes >= 0);
ALTER TABLE sample ADD COLUMN memory_high_events INTEGER CHECK (memory_high_events >= 0);
ALTER TABLE sample ADD COLUMN memory_max_events INTEGER CHECK (memory_max_events >= 0);
ALTER TABLE sample ADD COLUMN oom_kills INTEGER CHECK (oom_kills >= 0);
ALTER TABLE sample ADD COLUMN cpu_throttled_periods INTEGER CHECK (cpu_throttled_periods >= 0);
ALTER TABLE sample ADD COLUMN cpu_some_us INTEGER CHECK (cpu_some_us >= 0);
ALTER TABLE sample ADD COLUMN memory_some_us INTEGER CHECK (memory_some_us >= 0);
ALTER TABLE sample ADD COLUMN memory_full_us INTEGER CHECK (memory_full_us >= 0);
ALTER TABLE sample ADD COLUMN io_some_us INTEGER CHECK (io_some_us >= 0);
ALTER TABLE sample ADD COLUMN io_full_us INTEGER CHECK (io_full_us >= 0);
ALTER TABLE sample ADD COLUMN frozen_us INTEGER CHECK (frozen_us >= 0);
-- The limits in force over it, ancestors' included; NULL is none.
ALTER TABLE sample ADD COLUMN cpu_limit_nanocores INTEGER CHECK (cpu_limit_nanocores >= 0);
ALTER TABLE sample ADD COLUMN memory_limit_bytes INTEGER CHECK (memory_limit_bytes >= 0);

ALTER TABLE position ADD COLUMN reserved_boottime_us INTEGER;
ALTER TABLE position ADD COLUMN cpu_reserved_nanocores INTEGER;
ALTER TABLE position ADD COLUMN cpu_reserved_carry INTEGER NOT NULL DEFAULT 0;
ALTER TABLE position ADD COLUMN memory_reserved_bytes INTEGER;
ALTER TABLE position ADD COLUMN memory_reserved_carry INTEGER NOT NULL DEFAULT 0;

-- The network a container is read for. NULL where it has none of its own.
ALTER TABLE sample ADD COLUMN net_rx_bytes INTEGER CHECK (net_rx_bytes >= 0);
ALTER TABLE sample ADD COLUMN net_tx_bytes INTEGER CHECK (net_tx_bytes >= 0);
ALTER TABLE position ADD COLUMN net_boottime_us INTEGER;
CREATE TABLE position_net (
    container   INTEGER NOT NULL REFERENCES container (id),
    namespace   INTEGER NOT NULL,
    interface   TEXT    NOT NULL,
    boottime_us INTEGER NOT NULL,
    rx_bytes    INTEGER NOT NULL,
    tx_bytes    INTEGER NOT NULL,
    PRIMARY KEY (container, interface)
) STRICT, WITHOUT ROWID;

-- Two more reasons why something is not measured.
ALTER TABLE absence RENAME TO absence_1;
CREATE TABLE absence (
    container INTEGER NOT NULL REFERENCES container (id),
    file      TEXT    NOT NULL,
    since_ms  INTEGER NOT NULL,
    until_ms  INTEGER,
    reason    TEXT    NOT NULL
        CHECK (reason IN ('controller_off', 'not_permitted', 'malformed', 'incomplete', 'failed',
            'host_namespace', 'shared_namespace')),
    detail    TEXT    NOT NULL,
    PRIMARY KEY (container, file, since_ms)
) STRICT, WITHOUT ROWID;
INSERT INTO absence SELECT * FROM absence_1;
DROP TABLE absence_1;

-- What was billed above each counter, on account of the tenant root; below it if negative.
ALTER TABLE position_io ADD COLUMN read_bytes_ahead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE position_io ADD COLUMN write_bytes_ahead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE position_io ADD COLUMN read_ops_ahead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE position_io ADD COLUMN write_ops_ahead INTEGER NOT NULL DEFAULT 0;

-- Control totals, now by device as well: major and minor are 0 for cpu.
ALTER TABLE control RENAME TO control_1;
CREATE TABLE control (
    container INTEGER NOT NULL REFERENCES container (id),
    meter     INTEGER NOT NULL REFERENCES meter (id),
    major     INTEGER NOT NULL,
    minor     INTEGER NOT NULL,
    baseline  INTEGER NOT NULL CHECK (baseline >= 0),
    last      INTEGER NOT NULL CHECK (last >= baseline),
    -- What of it waits for the next tick: it ran while the tree was read.
    pending   INTEGER NOT NULL CHECK (pending >= 0),
    -- What the counter rose by in earlier lives of its device.
    closed    INTEGER NOT NULL DEFAULT 0 CHECK (closed >= 0),
    PRIMARY KEY (container, meter, major, minor)
) STRICT, WITHOUT ROWID;
INSERT INTO control (container, meter, major, minor, baseline, last, pending)
    SELECT container, meter, 0, 0, baseline, last, pending FROM control_1;
DROP TABLE control_1;

-- What a container's owner (systemd, Docker, ...) calls it. labels is a JSON object.
CREATE TABLE container_detail (
    container  INTEGER PRIMARY KEY REFERENCES container (id),
    name       TEXT,
    image      TEXT,
    labels     TEXT    NOT NULL,
    namespace  TEXT,
    learned_ms INTEGER NOT NULL
) STRICT;

-- What containers used and nobody is billed, as it was not metered.
CREATE TABLE unmetered (
    container INTEGER NOT NULL REFERENCES container (id),
    -- NULL: since it was made.
    since_ms  INTEGER,
    until_ms  INTEGER NOT NULL,
    reason    TEXT    NOT NULL CHECK (reason IN ('before_first_reading', 'root_vanished')),
    -- The cpu time of it, where that is known.
    cpu_us    INTEGER CHECK (cpu_us >= 0),
    PRIMARY KEY (container, until_ms)
) STRICT, WITHOUT ROWID;
