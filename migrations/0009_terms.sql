-- What decides an amount besides usage, in the ledger's chain: price books, tenants, what was invoiced
-- when there was nothing to bill.

-- Entries of a kind of their own: the CHECK is rewritten as in 0008.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''import'')', '''import'', ''terms'')')
    WHERE type = 'table' AND name = 'ledger_entry';
PRAGMA writable_schema = RESET;
CREATE TABLE schema_has_changed (x INTEGER) STRICT;
DROP TABLE schema_has_changed;

-- What was said of a row that decides amounts: `said` is a JSON object of its columns as texts (null: none).
-- A key's rows after one another, each over those before it, come to what its table must hold; a check
-- holds one against the other. The rows of one command are closed into an entry of their own at once.
CREATE TABLE term (
    id    INTEGER PRIMARY KEY,
    -- Who said it; NULL: it was found in a store of an older schema.
    uid   INTEGER,
    kind  TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    said  TEXT    NOT NULL,
    entry INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0)
) STRICT;
CREATE INDEX term_of ON term (kind, key);
CREATE INDEX tenant_rule_in_force ON tenant_rule (tenant) WHERE until_ms IS NULL;

-- What an older Octroi left is taken as it stands.
INSERT INTO term (kind, key, said)
    SELECT 'price_book', b.id, json_object(
        'book', b.book, 'effective_s', CAST(b.effective_s AS TEXT), 'memory', b.memory,
        'definition_sha256', sha256(b.definition), 'applied_ms', CAST(b.applied_ms AS TEXT),
        'replaced_ms', CAST(b.replaced_ms AS TEXT), 'files', (
            SELECT group_concat(file || ' ' || is_counted || ' ' || meters, '; ')
            FROM (SELECT * FROM priced_file WHERE price_book = b.id ORDER BY file, is_counted)))
    FROM price_book b ORDER BY b.id;
INSERT INTO term (kind, key, said)
    SELECT 'tenant', t.id, json_object(
        'place', CAST(t.place AS TEXT), 'name', t.name, 'price_book', t.price_book,
        'invoice_to', t.invoice_to, 'since_s', CAST(t.since_s AS TEXT),
        'until_s', CAST(t.until_s AS TEXT), 'removed_ms', CAST(t.removed_ms AS TEXT),
        'rules', (
            SELECT group_concat(kind || ' ' || quote(pattern), ', ')
            FROM (SELECT * FROM tenant_rule WHERE tenant = t.id AND until_ms IS NULL
                ORDER BY place, kind, pattern)))
    FROM tenant t ORDER BY t.id;
INSERT INTO term (kind, key, said)
    SELECT 'invoiced_period', id, json_object(
        'tenant', tenant, 'start_s', CAST(start_s AS TEXT), 'end_s', CAST(end_s AS TEXT),
        'issued_ms', CAST(issued_ms AS TEXT))
    FROM invoiced_period ORDER BY id;
INSERT INTO term (kind, key, said)
    SELECT 'late_entry', entry, json_object(
        'first_hour_s', CAST(first_hour_s AS TEXT), 'last_hour_s', CAST(last_hour_s AS TEXT))
    FROM late_entry ORDER BY entry;
-- Of a store without older invoices there is nothing to say: all are made by the same rules.
INSERT INTO term (kind, key, said)
    SELECT 'rating_rules', rules, json_object('first_seal', CAST(first_seal AS TEXT))
    FROM rating_rules WHERE first_seal > 1 ORDER BY rules;

CREATE TRIGGER term_is_new BEFORE INSERT ON term
    WHEN new.entry <> 0 OR EXISTS (SELECT 1 FROM term WHERE id = new.id AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER term_is_final BEFORE UPDATE ON term
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER term_stays BEFORE DELETE ON term WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- Invoiced time that changed hands is closed with the next entry, as what was said of whose it is.
ALTER TABLE reattribution ADD COLUMN entry INTEGER NOT NULL DEFAULT 0 CHECK (entry >= 0);
CREATE INDEX reattribution_open ON reattribution (entry) WHERE entry = 0;
CREATE TRIGGER reattribution_is_new BEFORE INSERT ON reattribution
    WHEN new.entry <> 0 OR EXISTS (SELECT 1 FROM reattribution WHERE id = new.id AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER reattribution_is_final BEFORE UPDATE ON reattribution
    WHEN old.entry <> 0 OR (new.entry <> 0
        AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER reattribution_stays BEFORE DELETE ON reattribution WHEN old.entry <> 0
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
