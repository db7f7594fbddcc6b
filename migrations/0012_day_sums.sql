-- The ledger's closed rows, summed by civil day of the billing zone.
--
-- A closed hour never changes, so its day can be summed once. A question over a month then reads a row for
-- each day instead of one for each hour. This is a cache: octroi store rebuild makes it anew from the ledger,
-- octroi store verify compares it with the ledger, and invoices never rest on it.

-- The zone whose days are summed. Without a row, nothing is summed and questions read the hours.
CREATE TABLE day_zone (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    name    TEXT    NOT NULL,
    -- UTC offsets as a JSON list: [[since, seconds east of UTC], ...], times in seconds since 1970.
    offsets TEXT    NOT NULL CHECK (json_valid(offsets))
) STRICT;

CREATE TABLE usage_day (
    container INTEGER NOT NULL REFERENCES container (id),
    -- The civil day, counted from 1970-01-01.
    day       INTEGER NOT NULL,
    meter     INTEGER NOT NULL REFERENCES meter (id),
    assurance INTEGER NOT NULL REFERENCES assurance (id),
    -- The hours with usage: bit n & 63 for the half hour n since 1970 in which a row begins.
    hours     INTEGER NOT NULL,
    -- The sums of quantity >> 32 and of quantity & 0xffffffff, as a sum may pass 64 bits.
    high      INTEGER NOT NULL,
    low       INTEGER NOT NULL,
    PRIMARY KEY (container, day, meter, assurance)
) STRICT, WITHOUT ROWID;

-- Which of the three rows of memory each tenant pays, and when: that of the formula in its price book.
CREATE VIEW paid_memory (tenant, meter, since_s, until_s) AS
WITH bound (first_s, last_s) AS (VALUES (-62135596800, 253402300800)),
formula (book, memory, since_s, until_s) AS (
    SELECT book, memory, effective_s,
        lead(effective_s, 1, last_s) OVER (PARTITION BY book ORDER BY effective_s)
    FROM price_book, bound WHERE replaced_ms IS NULL
    UNION ALL
    SELECT book, 'unreclaimable', first_s, min(effective_s)
    FROM price_book, bound WHERE replaced_ms IS NULL GROUP BY book
)
SELECT t.id, m.id, coalesce(f.since_s, b.first_s), coalesce(f.until_s, b.last_s)
FROM tenant t CROSS JOIN bound b
LEFT JOIN formula f ON f.book = t.price_book
JOIN meter m ON m.memory_formula = coalesce(f.memory, 'unreclaimable');

-- The same times as before, by that view.
DROP VIEW owned_time;
CREATE VIEW owned_time (container, tenant, since_s, until_s, memory_meter) AS
WITH bound (first_s, last_s) AS (VALUES (-62135596800, 253402300800)),
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
    coalesce(o.tenant, 'unattributed'),
    max(o.since_s, coalesce(p.since_s, o.since_s)),
    min(o.until_s, coalesce(p.until_s, o.until_s)),
    coalesce(p.meter, (SELECT id FROM meter WHERE memory_formula = 'unreclaimable'))
FROM owned o
LEFT JOIN paid_memory p ON p.tenant = o.tenant
WHERE max(o.since_s, coalesce(p.since_s, o.since_s))
    < min(o.until_s, coalesce(p.until_s, o.until_s));
