-- Limits with owners: what is wanted, what overlays it, every change in a chain; budgets.

-- A change-set: what one command, or one decision of the daemon, changed. Its writes are rows of
-- limit_change. It is done, or failed and undone (outcome), or no more than a word (no writes).
CREATE TABLE limit_change_set (
    id         INTEGER PRIMARY KEY CHECK (id > 0),
    at_ms      INTEGER NOT NULL,
    -- The boot of the host: ids of cgroups mean something only within one.
    boot       TEXT,
    uid        INTEGER NOT NULL,
    user       TEXT    NOT NULL,
    -- A tenant's id, or a container as it was named.
    target     TEXT    NOT NULL,
    tenant     TEXT,
    action     TEXT    NOT NULL
        CHECK (action IN ('set', 'unset', 'boost', 'expire', 'undo', 'reassert', 'adopt', 'alert',
            'budget', 'recover')),
    outcome    TEXT    NOT NULL CHECK (outcome IN ('done', 'failed')),
    reason     TEXT,
    -- The change-set that this one undoes.
    undoes     INTEGER REFERENCES limit_change_set (id),
    expires_ms INTEGER,
    -- SHA-256 of this row, its writes and the hash before it.
    previous   BLOB    NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;
CREATE TRIGGER limit_change_set_is_final BEFORE UPDATE ON limit_change_set
    BEGIN SELECT raise(ABORT, 'the record of limits is append-only'); END;
CREATE TRIGGER limit_change_set_stays BEFORE DELETE ON limit_change_set
    BEGIN SELECT raise(ABORT, 'the record of limits is append-only'); END;
CREATE TRIGGER limit_change_set_is_new BEFORE INSERT ON limit_change_set
    WHEN EXISTS (SELECT 1 FROM limit_change_set WHERE id = new.id)
    BEGIN SELECT raise(ABORT, 'the record of limits is append-only'); END;

-- NULL: written before change-sets were kept. file is the limit, "io.max 254:0" for a device's.
ALTER TABLE limit_change ADD COLUMN change_set INTEGER REFERENCES limit_change_set (id);
-- Through whom it was written: "systemd:tenant-acme.slice", "docker:ID", "file".
ALTER TABLE limit_change ADD COLUMN owner TEXT;
-- The kernel's counter of how often this limit took hold, when it was written.
ALTER TABLE limit_change ADD COLUMN bites INTEGER CHECK (bites >= 0);
-- What was wanted before it; NULL: nothing.
ALTER TABLE limit_change ADD COLUMN wanted_before TEXT;
CREATE INDEX limit_change_of ON limit_change (change_set);
CREATE INDEX limit_change_on ON limit_change (cgroup_id, file);
CREATE TRIGGER limit_change_is_new BEFORE INSERT ON limit_change
    WHEN EXISTS (SELECT 1 FROM limit_change WHERE id = new.id)
    BEGIN SELECT raise(ABORT, 'the record of limits is append-only'); END;

-- A change-set that is being written: if its writer died, the next one takes it back.
CREATE TABLE limit_pending (
    id     INTEGER PRIMARY KEY,
    at_ms  INTEGER NOT NULL,
    pid    INTEGER NOT NULL,
    boot   TEXT    NOT NULL,
    -- The cgroup tree it is written in.
    root   TEXT    NOT NULL,
    -- A JSON document.
    change TEXT    NOT NULL
) STRICT;

-- What every tenant and container shall have: what the daemon holds the kernel against.
-- A container's target is the name its engine gave it, with its tenant ("docker/web@acme"), or else
-- its path.
CREATE TABLE limit_wanted (
    kind       TEXT    NOT NULL CHECK (kind IN ('tenant', 'container')),
    target     TEXT    NOT NULL,
    file       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    source     TEXT    NOT NULL CHECK (source IN ('command', 'file', 'adopted')),
    since_ms   INTEGER NOT NULL,
    PRIMARY KEY (kind, target, file)
) STRICT, WITHOUT ROWID;

-- What stands above it for a time: boosts until they expire, steps of a budget until they are left.
CREATE TABLE limit_overlay (
    id         INTEGER PRIMARY KEY,
    source     TEXT    NOT NULL CHECK (source IN ('boost', 'budget')),
    kind       TEXT    NOT NULL CHECK (kind IN ('tenant', 'container')),
    target     TEXT    NOT NULL,
    tenant     TEXT,
    -- The cgroup tree it was laid in.
    root       TEXT    NOT NULL,
    file       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    since_ms   INTEGER NOT NULL,
    -- When it is to end; NULL for a budget's.
    until_ms   INTEGER CHECK (until_ms > since_ms),
    -- When it ended; NULL while it stands.
    ended_ms   INTEGER,
    change_set INTEGER NOT NULL REFERENCES limit_change_set (id)
) STRICT;
CREATE INDEX limit_overlay_standing ON limit_overlay (kind, target) WHERE ended_ms IS NULL;

-- What the kernel had before an overlay was first written there, to be put back.
CREATE TABLE limit_held (
    boot      TEXT    NOT NULL,
    root      TEXT    NOT NULL,
    cgroup_id INTEGER NOT NULL,
    path      TEXT    NOT NULL,
    file      TEXT    NOT NULL,
    before    TEXT    NOT NULL,
    -- What was written last.
    written   TEXT    NOT NULL,
    PRIMARY KEY (boot, root, cgroup_id, file)
) STRICT, WITHOUT ROWID;

-- What to do when somebody else changes a tenant's limits; NULL is reassert.
ALTER TABLE tenant ADD COLUMN drift TEXT CHECK (drift IN ('reassert', 'adopt', 'alert'));

-- A ladder of steps; definition is a JSON document.
CREATE TABLE ladder (
    id         TEXT PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT;

-- The money a tenant may spend in a period, in the currency of its price book.
CREATE TABLE budget (
    tenant          TEXT    PRIMARY KEY REFERENCES tenant (id),
    amount          TEXT    NOT NULL,
    per             TEXT    NOT NULL CHECK (per IN ('day', 'month')),
    ladder          TEXT    REFERENCES ladder (id),
    exempt_until_ms INTEGER,
    exempt_reason   TEXT,
    set_ms          INTEGER NOT NULL,
    -- Where the tenant stands on its ladder: a JSON document; NULL before the first look.
    state           TEXT
) STRICT;
