-- title: Completeness
-- about: How completely each day was metered: ticks, starts and ends, unreadable files, gaps.
-- parameter: from, to: the period, in seconds since 1970 (whole hours)
-- column: day: the day of the billing zone; a day with a gap and no tick is listed, too
-- column: ticks: the number of ticks; on a day without a tick, the columns up to clock_steps are NULL
-- column: skipped: ticks that were left out because the one before took too long
-- column: unreadable: directories that could not be read
-- column: births: containers that started
-- column: ends: containers that ended
-- column: last_readings: ends whose counters were read after the last process had gone
-- column: widest_bracket_us: the largest rise of a tenant root's cpu counter while its tree was read; display=us
-- column: longest_tick_us: the longest tick; display=us
-- column: clock_steps: how often the wall clock was set
-- column: gaps: the number of gaps that touch the day
-- column: hours: hours with a tick; a whole day has 24, except when the clocks change
-- column: gap_ms: how much of the day was not metered
-- column: unmeasured: how often a priced meter of a container was not measured; octroi report unmetered lists them
-- column: unmeasured_ms: how long that lasted on that day, added up over all containers and meters
WITH hourly AS MATERIALIZED (
    SELECT h.*, r.boot, day_start(h.hour_s) AS day_s
    FROM completeness_hour h JOIN run r ON r.id = h.run
    WHERE h.hour_s >= :from AND h.hour_s < :to
),
-- The clock steps within an hour's row, and those between the rows before it and this one. Epochs count
-- up as time passes, but the clock may go to another day and come back.
stepped AS (
    SELECT boot, day_s, last_epoch - first_epoch
        + max(0, first_epoch - coalesce(max(last_epoch) OVER (
            PARTITION BY boot ORDER BY first_epoch, last_epoch, hour_s
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), first_epoch)) AS steps
    FROM hourly
),
missing (id, day_s, since_ms, until_ms) AS (
    SELECT id, day_start(max(since_ms / 1000, :from)), max(since_ms, :from * 1000),
        min(until_ms, :to * 1000)
    FROM gap WHERE since_ms < :to * 1000 AND until_ms > :from * 1000
    UNION ALL
    SELECT id, day_end(day_s), since_ms, until_ms
    FROM missing WHERE day_end(day_s) * 1000 < until_ms
),
lost AS (
    SELECT day_s, count(*) AS gaps, sum(min(until_ms, day_end(day_s) * 1000)
        - max(since_ms, day_s * 1000)) AS gap_ms
    FROM missing GROUP BY day_s
),
-- The same for priced meters of a container that could not be read.
unread (id, day_s, since_ms, until_ms) AS (
    SELECT row_number() OVER (), day_start(max(since_ms / 1000, :from)),
        max(since_ms, :from * 1000), min(until_ms, :to * 1000)
    FROM unmeasured_time
    WHERE since_ms < :to * 1000 AND until_ms > :from * 1000 AND NOT is_made_good
    UNION ALL
    SELECT id, day_end(day_s), since_ms, until_ms
    FROM unread WHERE day_end(day_s) * 1000 < until_ms
),
unmeasured AS (
    SELECT day_s, count(*) AS times, sum(min(until_ms, day_end(day_s) * 1000)
        - max(since_ms, day_s * 1000)) AS unmeasured_ms
    FROM unread GROUP BY day_s
),
daily AS (
    SELECT day_s, sum(ticks) AS ticks, sum(skipped) AS skipped, sum(failed) AS unreadable,
        sum(births) AS births, sum(ends) AS ends, sum(last_readings) AS last_readings,
        max(widest_bracket_us) AS widest_bracket_us, max(longest_tick_us) AS longest_tick_us,
        count(DISTINCT hour_s) AS hours
    FROM hourly GROUP BY day_s
)
SELECT
    day_date(n.day_s) AS day,
    d.ticks,
    d.skipped,
    d.unreadable,
    d.births,
    d.ends,
    d.last_readings,
    d.widest_bracket_us,
    d.longest_tick_us,
    (SELECT sum(s.steps) FROM stepped s WHERE s.day_s = n.day_s) AS clock_steps,
    coalesce(l.gaps, 0) AS gaps,
    coalesce(d.hours, 0) AS hours,
    coalesce(l.gap_ms, 0) AS gap_ms,
    coalesce(u.times, 0) AS unmeasured,
    coalesce(u.unmeasured_ms, 0) AS unmeasured_ms
FROM (SELECT day_s FROM daily UNION SELECT day_s FROM lost UNION SELECT day_s FROM unmeasured) n
LEFT JOIN daily d ON d.day_s = n.day_s
LEFT JOIN lost l ON l.day_s = n.day_s
LEFT JOIN unmeasured u ON u.day_s = n.day_s
ORDER BY n.day_s;
