-- The ten busiest places in the last full window of the published flow
SELECT window_start, poi_name, sum(people) AS people
FROM published_headcounts
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
  AND window_end <= CAST(current_timestamp AT TIME ZONE 'UTC' AS timestamp)
GROUP BY window_start, poi_name
ORDER BY window_start DESC, people DESC
LIMIT 10
