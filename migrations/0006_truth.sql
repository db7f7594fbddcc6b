-- Invoices that add up however they are cut.

-- From which place in the chain of invoices on which rules make them: what was issued before is
-- verified by the rules of its day.
CREATE TABLE rating_rules (
    rules      INTEGER PRIMARY KEY,
    first_seal INTEGER NOT NULL
) STRICT;
INSERT INTO rating_rules SELECT 1, 1;
INSERT INTO rating_rules SELECT 2, ifnull(max(id), 0) + 1 FROM invoice_seal;

-- Of the invoices that one was rated with: which document holds their usage as it was then, in
-- invoice_usage. Usage that did not change is not written again.
CREATE TABLE invoice_pin (
    invoice   TEXT NOT NULL REFERENCES invoice (number),
    corrects  TEXT NOT NULL REFERENCES invoice (number),
    pinned_on TEXT NOT NULL REFERENCES invoice (number),
    PRIMARY KEY (invoice, corrects)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER invoice_pin_is_final BEFORE UPDATE ON invoice_pin
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_pin_stays BEFORE DELETE ON invoice_pin
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER invoice_pin_is_new BEFORE INSERT ON invoice_pin
    WHEN EXISTS (SELECT 1 FROM invoice_seal WHERE invoice = new.invoice)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;

-- Periods that were invoiced, whether there was anything to bill or not: of one tenant, or of all
-- (NULL). Usage that comes to light in them is billed by itself.
CREATE TABLE invoiced_period (
    id        INTEGER PRIMARY KEY,
    tenant    TEXT    REFERENCES tenant (id),
    start_s   INTEGER NOT NULL,
    end_s     INTEGER NOT NULL,
    issued_ms INTEGER NOT NULL,
    CHECK (start_s < end_s)
) STRICT;

-- A store that knows its host and its file.

-- Which host and which file a store belongs to; the newest row counts. A copy holds the rows of its original
-- and is another file: it writes to no kernel until somebody adopts it.
CREATE TABLE store_home (
    id        INTEGER PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    -- SHA-256 of the machine's id, or the host's name where it has none; and its name for people.
    host      TEXT    NOT NULL,
    host_name TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    inode     INTEGER NOT NULL,
    -- When the file was made, in ns since 1970; NULL where its file system does not say.
    born_ns   INTEGER
) STRICT;

-- Whose a container's hours were said to be, in the order in which it was said. What table attribution holds
-- is what these come to; they are closed into the ledger's chain, so that a change of attribution that was
-- not said here is found.
CREATE TABLE assignment (
    id        INTEGER PRIMARY KEY,
    container INTEGER NOT NULL REFERENCES container (id),
    since_s   INTEGER NOT NULL CHECK (since_s % 3600 = 0),
    -- NULL: from then on.
    until_s   INTEGER CHECK (until_s % 3600 = 0),
    -- NULL: nobody's.
    tenant    TEXT    REFERENCES tenant (id),
    entry     INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0),
    CHECK (until_s IS NULL OR since_s < until_s)
) STRICT;
-- What an older Octroi left is taken as it stands.
INSERT INTO assignment (container, since_s, until_s, tenant)
    SELECT container, since_s, until_s, tenant FROM attribution ORDER BY container, since_s;
CREATE INDEX assignment_open ON assignment (entry) WHERE entry = 0;
CREATE INDEX assignment_of ON assignment (container);
CREATE TRIGGER assignment_is_new BEFORE INSERT ON assignment
    WHEN new.entry <> 0 OR EXISTS (SELECT 1 FROM assignment WHERE id = new.id AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER assignment_is_final BEFORE UPDATE ON assignment
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER assignment_stays BEFORE DELETE ON assignment WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- Hours that were given to a tenant by hand.
CREATE TABLE hand_over (
    id        INTEGER PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    -- As it was named.
    container TEXT    NOT NULL,
    -- Whose the hours are now.
    tenant    TEXT    NOT NULL,
    reason    TEXT,
    undone_ms INTEGER
) STRICT;

-- Whose each stretch of them was before (NULL: nobody's), which an undo puts back.
CREATE TABLE hand_over_part (
    hand_over  INTEGER NOT NULL REFERENCES hand_over (id),
    container  INTEGER NOT NULL REFERENCES container (id),
    since_s    INTEGER NOT NULL CHECK (since_s % 3600 = 0),
    until_s    INTEGER NOT NULL CHECK (until_s % 3600 = 0),
    tenant     TEXT,
    PRIMARY KEY (hand_over, container, since_s),
    CHECK (since_s < until_s)
) STRICT, WITHOUT ROWID;
