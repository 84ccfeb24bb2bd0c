-- Why events were rejected today (UTC), each once
SELECT category, field, sum(n) AS events
FROM (SELECT DISTINCT category, field, message_id, "index", coalesce(events, 1) AS n, year, month, day FROM quarantine)
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
GROUP BY category, field
ORDER BY events DESC
