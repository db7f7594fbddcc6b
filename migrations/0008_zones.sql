-- Hours of the ledger in zones that are not whole hours from UTC.
--
-- A day of Asia/Kolkata begins at 18:30 UTC. There a row of usage ends and the next begins, and invoices, tenants and
-- price books may change there. So times that had to be whole hours may be quarters of one.
--
-- SQLite cannot alter a CHECK. Its documentation (ALTER TABLE, "Making Other Kinds Of Table Schema Changes") lets one
-- be rewritten like this, as no stored byte depends on it. The table that comes and goes tells other processes
-- to read the schema again.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ' % 3600 = 0)', ' % 900 = 0)') WHERE type = 'table';
PRAGMA writable_schema = RESET;
CREATE TABLE schema_has_changed (x INTEGER) STRICT;
DROP TABLE schema_has_changed;
