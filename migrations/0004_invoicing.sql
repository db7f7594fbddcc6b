-- Invoices that can be recomputed and proved: what each rests on is pinned and chained.

-- From when until when a tenant pays fees, if its contract says so.
ALTER TABLE tenant ADD COLUMN since_s INTEGER CHECK (since_s % 3600 = 0);
ALTER TABLE tenant ADD COLUMN until_s INTEGER CHECK (until_s % 3600 = 0);

-- A credit note is numbered in a series of its own and names the invoice it credits. parties is a
-- JSON object: seller and buyer as they were. ledger_entry and reattribution are the newest when it
-- was issued; NULL where it was issued before they were kept.
ALTER TABLE invoice ADD COLUMN kind TEXT NOT NULL DEFAULT 'invoice'
    CHECK (kind IN ('invoice', 'credit_note'));
ALTER TABLE invoice ADD COLUMN credits TEXT REFERENCES invoice (number);
ALTER TABLE invoice ADD COLUMN reason TEXT;
ALTER TABLE invoice ADD COLUMN zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE invoice ADD COLUMN parties TEXT NOT NULL DEFAULT '{}';
ALTER TABLE invoice ADD COLUMN ledger_entry INTEGER REFERENCES ledger_entry (id);
ALTER TABLE invoice ADD COLUMN reattribution INTEGER;
-- Whether it holds short lives that were made up to a minimum: they may still grow.
ALTER TABLE invoice ADD COLUMN has_made_up INTEGER NOT NULL DEFAULT 0
    CHECK (has_made_up IN (0, 1));
CREATE INDEX invoice_end ON invoice (period_end_s);
CREATE INDEX invoice_tenant ON invoice (tenant, period_end_s);
CREATE INDEX invoice_credits ON invoice (credits) WHERE credits IS NOT NULL;

-- taxes is a JSON list; reference the invoice that a correction belongs to; credits_line the line
-- that a credit note takes back.
ALTER TABLE invoice_line ADD COLUMN tier TEXT;
ALTER TABLE invoice_line ADD COLUMN priced_high INTEGER;
ALTER TABLE invoice_line ADD COLUMN priced_low INTEGER;
ALTER TABLE invoice_line ADD COLUMN taxes TEXT;
ALTER TABLE invoice_line ADD COLUMN reference TEXT;
ALTER TABLE invoice_line ADD COLUMN credits_line INTEGER;
CREATE INDEX invoice_line_reference ON invoice_line (reference) WHERE reference IS NOT NULL;

-- The billing month, and whether the segment is charged or only stands before what is.
ALTER TABLE invoice_segment ADD COLUMN month_start_s INTEGER;
ALTER TABLE invoice_segment ADD COLUMN month_end_s INTEGER;
ALTER TABLE invoice_segment ADD COLUMN is_charged INTEGER NOT NULL DEFAULT 1
    CHECK (is_charged IN (0, 1));

-- What an invoice was computed from: of each account, its usage of a segment, in the hours in which
-- it was the tenant's. billable is the same with the price's minimum duration, for a life of life_s.
-- corrects: the invoice whose period was rated anew, and whose segments these are; '' for its own.
CREATE TABLE invoice_usage (
    invoice       TEXT    NOT NULL REFERENCES invoice (number),
    corrects      TEXT    NOT NULL,
    segment_s     INTEGER NOT NULL,
    container     INTEGER NOT NULL REFERENCES container (id),
    since_s       INTEGER NOT NULL,
    until_s       INTEGER NOT NULL CHECK (since_s < until_s),
    meter         INTEGER NOT NULL REFERENCES meter (id),
    is_unreserved INTEGER NOT NULL CHECK (is_unreserved IN (0, 1)),
    quantity_high INTEGER NOT NULL,
    quantity_low  INTEGER NOT NULL,
    billable_high INTEGER NOT NULL,
    billable_low  INTEGER NOT NULL,
    life_s        INTEGER CHECK (life_s > 0),
    PRIMARY KEY (invoice, corrects, segment_s, container, since_s, meter, is_unreserved)
) STRICT, WITHOUT ROWID;

-- What was said of the period's metering on the invoice.
CREATE TABLE invoice_note (
    invoice TEXT    NOT NULL REFERENCES invoice (number),
    place   INTEGER NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('assurance', 'gap', 'unmetered', 'open', 'audit')),
    text    TEXT    NOT NULL,
    PRIMARY KEY (invoice, place)
) STRICT, WITHOUT ROWID;

-- The chain: each invoice with all it says and rests on, and the hash before it.
CREATE TABLE invoice_seal (
    id       INTEGER PRIMARY KEY CHECK (id > 0),
    invoice  TEXT    NOT NULL UNIQUE REFERENCES invoice (number),
    previous BLOB    NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;

CREATE TRIGGER invoice_usage_is_final BEFORE UPDATE ON invoice_usage
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_usage_stays BEFORE DELETE ON invoice_usage
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER invoice_usage_is_new BEFORE INSERT ON invoice_usage
    WHEN EXISTS (SELECT 1 FROM invoice_seal WHERE invoice = new.invoice)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_note_is_final BEFORE UPDATE ON invoice_note
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_note_stays BEFORE DELETE ON invoice_note
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER invoice_note_is_new BEFORE INSERT ON invoice_note
    WHEN EXISTS (SELECT 1 FROM invoice_seal WHERE invoice = new.invoice)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_seal_is_final BEFORE UPDATE ON invoice_seal
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
CREATE TRIGGER invoice_seal_stays BEFORE DELETE ON invoice_seal
    BEGIN SELECT raise(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER invoice_seal_is_new BEFORE INSERT ON invoice_seal
    WHEN EXISTS (SELECT 1 FROM invoice_seal WHERE id = new.id OR invoice = new.invoice)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
DROP TRIGGER invoice_line_is_new;
CREATE TRIGGER invoice_line_is_new BEFORE INSERT ON invoice_line
    WHEN EXISTS (SELECT 1 FROM invoice_seal WHERE invoice = new.invoice)
        OR EXISTS (SELECT 1 FROM invoice_line WHERE invoice = new.invoice AND line = new.line)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;
DROP TRIGGER invoice_segment_is_new;
CREATE TRIGGER invoice_segment_is_new BEFORE INSERT ON invoice_segment
    WHEN EXISTS (SELECT 1 FROM invoice_seal WHERE invoice = new.invoice)
        OR EXISTS (SELECT 1 FROM invoice_segment
            WHERE invoice = new.invoice AND start_s = new.start_s)
    BEGIN SELECT raise(ABORT, 'an issued invoice never changes'); END;

-- An entry that closed rows of hours that had been invoiced, of whatever tenant.
CREATE TABLE late_entry (
    entry        INTEGER PRIMARY KEY REFERENCES ledger_entry (id),
    first_hour_s INTEGER NOT NULL,
    last_hour_s  INTEGER NOT NULL
) STRICT;

-- Invoiced time that changed hands.
CREATE TABLE reattribution (
    id      INTEGER PRIMARY KEY,
    tenant  TEXT    NOT NULL,
    since_s INTEGER NOT NULL
) STRICT;
CREATE TRIGGER attribution_comes AFTER INSERT ON attribution
    WHEN new.since_s < (SELECT max(period_end_s) FROM invoice WHERE tenant = new.tenant)
    BEGIN INSERT INTO reattribution (tenant, since_s) VALUES (new.tenant, new.since_s); END;
CREATE TRIGGER attribution_goes AFTER DELETE ON attribution
    WHEN old.since_s < (SELECT max(period_end_s) FROM invoice WHERE tenant = old.tenant)
    BEGIN INSERT INTO reattribution (tenant, since_s) VALUES (old.tenant, old.since_s); END;
CREATE TRIGGER attribution_changes AFTER UPDATE ON attribution
    BEGIN
        INSERT INTO reattribution (tenant, since_s)
        SELECT new.tenant, min(ifnull(old.until_s, new.until_s), ifnull(new.until_s, old.until_s))
        WHERE old.tenant IS new.tenant AND old.since_s = new.since_s
            AND old.until_s IS NOT new.until_s
            AND min(ifnull(old.until_s, new.until_s), ifnull(new.until_s, old.until_s))
                < (SELECT max(period_end_s) FROM invoice WHERE tenant = new.tenant);
        INSERT INTO reattribution (tenant, since_s)
        SELECT t, min(old.since_s, new.since_s) FROM (SELECT old.tenant AS t UNION SELECT new.tenant)
        WHERE (old.tenant IS NOT new.tenant OR old.since_s <> new.since_s) AND t IS NOT NULL
            AND min(old.since_s, new.since_s)
                < (SELECT max(period_end_s) FROM invoice WHERE tenant = t);
    END;

-- Throttling by the hour: the counters at an hour's first and last sample, once it is sealed.
CREATE TABLE throttle_hour (
    container     INTEGER NOT NULL REFERENCES container (id),
    hour_s        INTEGER NOT NULL CHECK (hour_s % 3600 = 0),
    first_us      INTEGER NOT NULL,
    last_us       INTEGER NOT NULL,
    first_periods INTEGER,
    last_periods  INTEGER,
    PRIMARY KEY (container, hour_s)
) STRICT, WITHOUT ROWID;

-- For reports: whose a container was and when, hours of nobody included, and which of the three rows
-- of memory counts then: the one of the formula in the tenant's price book.
CREATE VIEW owned_time AS
WITH bound (first_s, last_s) AS (VALUES (-62135596800, 253402300800)),
formula (book, memory, since_s, until_s) AS (
    SELECT book, memory, effective_s,
        lead(effective_s, 1, last_s) OVER (PARTITION BY book ORDER BY effective_s)
    FROM price_book, bound WHERE replaced_ms IS NULL
    UNION ALL
    SELECT book, 'unreclaimable', first_s, min(effective_s)
    FROM price_book, bound WHERE replaced_ms IS NULL GROUP BY book
),
owned (container, tenant, since_s, until_s) AS (
    SELECT container, tenant, since_s, coalesce(until_s, last_s) FROM attribution, bound
    UNION ALL
    SELECT container, NULL, until_s,
        lead(since_s, 1, last_s) OVER (PARTITION BY container ORDER BY since_s)
    FROM attribution, bound
    UNION ALL
    SELECT c.id, NULL, first_s, coalesce(min(a.since_s), last_s)
    FROM container c CROSS JOIN bound LEFT JOIN attribution a ON a.container = c.id GROUP BY c.id
)
SELECT
    o.container,
    coalesce(o.tenant, 'unattributed') AS tenant,
    max(o.since_s, coalesce(f.since_s, o.since_s)) AS since_s,
    min(o.until_s, coalesce(f.until_s, o.until_s)) AS until_s,
    m.id AS memory_meter
FROM owned o
LEFT JOIN tenant t ON t.id = o.tenant
LEFT JOIN formula f ON f.book = t.price_book
JOIN meter m ON m.memory_formula = coalesce(f.memory, 'unreclaimable')
WHERE max(o.since_s, coalesce(f.since_s, o.since_s))
    < min(o.until_s, coalesce(f.until_s, o.until_s));
