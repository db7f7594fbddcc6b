-- title: Completeness
-- about: How completely each day was metered: ticks, births and ends, what could not be read, gaps.
-- last_readings: ends whose counters were read after the last process had gone.
SELECT
    strftime('%Y-%m-%d', t.wall_ms / 1000, 'unixepoch') AS day,
    count(*) AS ticks,
    sum(t.skipped) AS skipped,
    sum(t.failed) AS unreadable,
    sum(t.births) AS births,
    sum(t.ends) AS ends,
    sum(t.last_readings) AS last_readings,
    max(t.bracket_us) AS widest_bracket_us,
    max(t.duration_us) AS longest_tick_us,
    count(DISTINCT t.epoch) - 1 AS clock_steps,
    (SELECT count(*) FROM gap g
     WHERE strftime('%Y-%m-%d', g.until_ms / 1000, 'unixepoch')
        = strftime('%Y-%m-%d', t.wall_ms / 1000, 'unixepoch')) AS gaps
FROM tick t
WHERE t.wall_ms / 1000 >= :from AND t.wall_ms / 1000 < :to
GROUP BY day
ORDER BY day;
