-- title: Usage by tenant
-- about: What each tenant used of each meter in the period, with the number of containers.
-- Parameters, filled in by Octroi: :from and :to, seconds since 1970 (UTC hours).
-- exact_sum is Octroi's: a sum that may pass 64 bits.
SELECT
    tenant,
    meter,
    count(DISTINCT container) AS containers,
    count(DISTINCT hour_s) AS hours,
    exact_sum(quantity) AS quantity,
    unit
FROM usage_hour
WHERE hour_s >= :from AND hour_s < :to
GROUP BY tenant, meter, unit
ORDER BY tenant = 'unattributed', tenant, meter;
