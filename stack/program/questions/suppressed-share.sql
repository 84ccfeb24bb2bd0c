-- How many cells of each flow are suppressed, by day: where it is most of them, windows or radii are too small
SELECT flow, year, month, day, count(*) AS cells, count_if(suppressed) AS suppressed, sum(people) AS people
FROM headcounts
GROUP BY flow, year, month, day
ORDER BY year DESC, month DESC, day DESC, flow
LIMIT 100
