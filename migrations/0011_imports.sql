-- Rows of an import may come with the entry that holds them, as rows of usage do: they need not be written
-- twice. What is closed still never changes.
DROP TRIGGER usage_import_is_new;
CREATE TRIGGER usage_import_is_new BEFORE INSERT ON usage_import
    WHEN (new.entry <> 0
            AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = new.entry AND row_count = -1))
        OR EXISTS (SELECT 1 FROM usage_import WHERE container = new.container AND meter = new.meter
            AND start_ms = new.start_ms AND end_ms = new.end_ms
            AND entry <> 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
