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
