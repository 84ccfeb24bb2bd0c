-- Two flows side by side in one day: replace v1, v2 and the day
SELECT coalesce(a.window_start, b.window_start) AS window_start, coalesce(a.poi_id, b.poi_id) AS poi_id, a.people AS v1, b.people AS v2
FROM (SELECT window_start, poi_id, sum(people) AS people FROM headcounts WHERE flow = 'v1' AND year = '2026' AND month = '12' AND day = '01' GROUP BY 1, 2) a
FULL JOIN (SELECT window_start, poi_id, sum(people) AS people FROM headcounts WHERE flow = 'v2' AND year = '2026' AND month = '12' AND day = '01' GROUP BY 1, 2) b
  ON a.window_start = b.window_start AND a.poi_id = b.poi_id
WHERE a.people IS DISTINCT FROM b.people
ORDER BY 1, 2
