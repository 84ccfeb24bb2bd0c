-- Why events were rejected today (UTC), each once
SELECT category, field, count(DISTINCT message_id || '/' || CAST("index" AS varchar)) AS events
FROM quarantine
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
GROUP BY category, field
ORDER BY events DESC
