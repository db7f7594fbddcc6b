-- title: Completeness
-- about: How completely each day was metered: ticks, births and ends, what could not be read, gaps.
-- last_readings: ends whose counters were read after the last process had gone.
SELECT
    strftime('%Y-%m-%d', h.hour_s, 'unixepoch') AS day,
    sum(h.ticks) AS ticks,
    sum(h.skipped) AS skipped,
    sum(h.failed) AS unreadable,
    sum(h.births) AS births,
    sum(h.ends) AS ends,
    sum(h.last_readings) AS last_readings,
    max(h.widest_bracket_us) AS widest_bracket_us,
    max(h.longest_tick_us) AS longest_tick_us,
    (SELECT sum(steps) FROM (
        SELECT max(e.last_epoch) - min(e.first_epoch) AS steps
        FROM completeness_hour e JOIN run r ON r.id = e.run
        WHERE e.hour_s / 86400 = h.hour_s / 86400 GROUP BY r.boot)) AS clock_steps,
    (SELECT count(*) FROM gap g
     WHERE strftime('%Y-%m-%d', g.until_ms / 1000, 'unixepoch')
        = strftime('%Y-%m-%d', h.hour_s, 'unixepoch')) AS gaps
FROM completeness_hour h
WHERE h.hour_s >= :from AND h.hour_s < :to
GROUP BY day
ORDER BY day;
