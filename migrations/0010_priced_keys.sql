-- The keys of memory.stat that one formula needs are a file of their own to absences.
-- priced_files is a function of Octroi.
INSERT OR REPLACE INTO priced_file (price_book, file, is_counted, meters)
    SELECT b.id, f.value ->> 'file', f.value ->> 'is_counted', f.value ->> 'meters'
    FROM price_book b CROSS JOIN json_each(priced_files(b.definition)) f;
