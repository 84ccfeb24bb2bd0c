-- How late events arrived today (UTC), by platform and version of the app
SELECT platform, app_version, count(*) AS events, approx_percentile(lag_minutes, 0.5) AS median_minutes, max(lag_minutes) AS longest_minutes
FROM events_safe
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
GROUP BY platform, app_version
ORDER BY events DESC
