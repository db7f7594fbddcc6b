-- Invoices that add up however they are cut.

-- From which place in the chain of invoices on which rules make them: what was issued before is
-- verified by the rules of its day.
CREATE TABLE rating_rules (
    rules      INTEGER PRIMARY KEY,
    first_seal INTEGER NOT NULL
) STRICT;
INSERT INTO rating_rules SELECT 1, 1;
INSERT INTO rating_rules SELECT 2, ifnull(max(id), 0) + 1 FROM invoice_seal;

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
