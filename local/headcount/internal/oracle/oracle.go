// Package oracle computes the results by SQL from the input alone, and compares the
// rows of a data folder with them: what tests of the whole pipeline rest on. No
// program uses it.
package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// inputSQL reads the lines of events and the list of places alone, by the definitions:
// age in full years on the UTC day of the event, tumbling windows from the Unix epoch
// on, the haversine on a sphere of 6,371,008.8 m, the number of different user ids. From
// the flow's object it takes since when a place and the hot spots count, and no more.
const inputSQL = `
WITH event AS (
 SELECT occurred_at::TIMESTAMP AS t, "user".id AS id, "user".birth_date::DATE AS born, "user".gender AS gender,
  position.latitude AS lat, position.longitude AS lon
 FROM read_json('{events}', format = 'newline_delimited', columns = {occurred_at: 'VARCHAR',
  user: 'STRUCT(id VARCHAR, birth_date VARCHAR, gender VARCHAR)', position: 'STRUCT(latitude DOUBLE, longitude DOUBLE)'})
), person AS (
 SELECT *, year(t) - year(born) - CASE WHEN (month(t), day(t)) < (month(born), day(born)) THEN 1 ELSE 0 END AS age,
  time_bucket(to_seconds({window}), t, TIMESTAMP '1970-01-01') AS start
 FROM event
), banded AS (
 SELECT *, CASE WHEN age < 18 THEN '0-17' WHEN age < 25 THEN '18-24' WHEN age < 35 THEN '25-34' WHEN age < 45 THEN '35-44'
  WHEN age < 55 THEN '45-54' WHEN age < 65 THEN '55-64' ELSE '65+' END AS band
 FROM person
), flow AS (
 SELECT * FROM read_json('{object}', columns = {places: 'STRUCT(poi_id VARCHAR, "from" TIMESTAMP)[]', hotspots: 'STRUCT("from" TIMESTAMP)'})
), place AS (
 SELECT poi_id, name, latitude, longitude, coalesce(radius_m, {radius}) AS radius, "from",
  latitude - degrees(radius / 6371008.8) - 1e-6 AS south, latitude + degrees(radius / 6371008.8) + 1e-6 AS north
 FROM read_csv('{pois}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {
  poi_id: 'VARCHAR', name: 'VARCHAR', latitude: 'DOUBLE', longitude: 'DOUBLE', radius_m: 'DOUBLE'})
  LEFT JOIN (SELECT unnest(places, recursive := true) FROM flow) USING (poi_id)
), near AS (
 SELECT * FROM banded JOIN place ON lat BETWEEN south AND north
 WHERE start >= coalesce("from", start) AND 2 * 6371008.8 * asin(sqrt(least(1, pow(sin(radians(latitude - lat) / 2), 2)
  + cos(radians(lat)) * cos(radians(latitude)) * pow(sin(radians(longitude - lon) / 2), 2)))) <= radius
)`

// stamped are the columns that end a row of each table.
const stamped = `'{flow}' AS flow, strftime(start, '%Y') AS year, strftime(start, '%m') AS month, strftime(start, '%d') AS day`

const headcountsSQL = `, oracle AS (
 SELECT start AS window_start, start + to_seconds({window}) AS window_end, poi_id, name AS poi_name, latitude AS poi_latitude,
  longitude AS poi_longitude, radius AS radius_m, gender, band AS age_band,
  CASE WHEN n >= {min} THEN n END AS people, n < {min} AS suppressed, ` + stamped + `
 FROM (SELECT start, poi_id, name, latitude, longitude, radius, gender, band, count(DISTINCT id) AS n FROM near GROUP BY ALL)
), got AS (FROM headcounts WHERE flow = '{flow}')`

// published is the rule of suppress.Breakdown, for the number of people of an area and
// the numbers in its cells.
const published = `people >= k AND (hidden = 0 OR hidden >= 2 AND hidden + 1 < people - shown AND people - shown < hidden * (k - 1))`

// totalsSQL leaves out whether the number of those near any place is published, where
// something is hidden: tests of package suppress have proved that rule.
const totalsSQL = `, cell AS (SELECT start, poi_id, gender, band, count(DISTINCT id) AS n FROM near GROUP BY ALL
), split AS (
 SELECT start, poi_id, count(*) FILTER (n < {min}) AS hidden, coalesce(sum(n) FILTER (n >= {min}), 0) AS shown FROM cell GROUP BY ALL
), total AS (
 SELECT start, poi_id, any_value(name) AS name, count(DISTINCT id) AS people FROM near GROUP BY ALL
), judged AS (
 SELECT start, poi_id, name, people, ` + published + ` AS published FROM total JOIN split USING (start, poi_id), (SELECT {min} AS k)
 UNION ALL
 SELECT start, NULL, NULL, count(DISTINCT id), coalesce(NOT bool_or(said.suppressed), count(DISTINCT id) >= {min})
 FROM near LEFT JOIN (FROM totals WHERE flow = '{flow}' AND poi_id IS NULL AND {min} > 1) said ON said.window_start = start GROUP BY ALL
), oracle AS (
 SELECT start AS window_start, start + to_seconds({window}) AS window_end, poi_id, name AS poi_name,
  CASE WHEN published THEN people END AS people, NOT published AS suppressed, ` + stamped + `
 FROM judged
), got AS (FROM totals WHERE flow = '{flow}')`

// hotspotsSQL finds a position's cell as the definition of S2 has it: the face of the
// cube, the quadratic transformation, and the two coordinates in bits
// (https://github.com/golang/geo/blob/master/s2/stuv.go). A row of the table is found by
// its centre, as SQL does not know the curve that orders the cells.
const hotspotsSQL = `, located AS (
 SELECT start, id, gender, band, lat, lon FROM banded, flow WHERE start >= coalesce(hotspots."from", start)
 UNION ALL
 SELECT window_start, NULL, cell, NULL, latitude, longitude FROM hotspots WHERE flow = '{flow}'
), xyz AS (
 SELECT *, cos(radians(lon)) * cos(radians(lat)) AS x, sin(radians(lon)) * cos(radians(lat)) AS y, sin(radians(lat)) AS z FROM located
), faced AS (
 SELECT *, CASE WHEN abs(x) > abs(y) AND abs(x) > abs(z) THEN IF(x < 0, 3, 0) WHEN abs(x) <= abs(y) AND abs(y) > abs(z) THEN IF(y < 0, 4, 1)
  ELSE IF(z < 0, 5, 2) END AS face FROM xyz
), uv AS (
 SELECT *, CASE face WHEN 0 THEN y/x WHEN 1 THEN -x/y WHEN 2 THEN -x/z WHEN 3 THEN z/x WHEN 4 THEN z/y ELSE -y/z END AS u,
  CASE face WHEN 0 THEN z/x WHEN 1 THEN z/y WHEN 2 THEN -y/z WHEN 3 THEN y/x WHEN 4 THEN -x/y ELSE -x/z END AS v FROM faced
), st AS (
 SELECT *, IF(u >= 0, 0.5 * sqrt(1 + 3 * u), 1 - 0.5 * sqrt(1 - 3 * u)) AS s, IF(v >= 0, 0.5 * sqrt(1 + 3 * v), 1 - 0.5 * sqrt(1 - 3 * v)) AS r FROM uv
), celled AS (
 SELECT *, (face, least(floor(s * (1 << {level})), (1 << {level}) - 1)::BIGINT, least(floor(r * (1 << {level})), (1 << {level}) - 1)::BIGINT) AS ground FROM st
), counted AS (
 SELECT start, ground, gender, band, count(DISTINCT id) AS n FROM celled WHERE id IS NOT NULL GROUP BY ALL
), area AS (SELECT start, ground, count(DISTINCT id) AS people FROM celled WHERE id IS NOT NULL GROUP BY ALL
), split AS (
 SELECT start, ground, count(*) FILTER (n < k) AS hidden, coalesce(sum(n) FILTER (n >= k), 0) AS shown FROM counted, (SELECT greatest(5, {min}) AS k) GROUP BY ALL
), judged AS (
 SELECT start, ground, people, k, ` + published + ` AS published
 FROM area JOIN split USING (start, ground), (SELECT greatest(5, {min}) AS k) WHERE {level} > 0 AND people >= k
), oracle AS (
 SELECT start AS window_start, start + to_seconds({window}) AS window_end, ground, people AS cell_people, gender, band AS age_band,
  CASE WHEN n >= k THEN n END AS people, n < k AS suppressed, ` + stamped + `
 FROM judged JOIN counted USING (start, ground) WHERE published
 UNION ALL
 SELECT start, start + to_seconds({window}), ground, people, NULL, NULL, NULL, true, ` + stamped + ` FROM judged WHERE NOT published
), got AS (
 SELECT window_start, window_end, ground, cell_people, h.gender, age_band, people, suppressed, flow, year, month, day
 FROM hotspots h JOIN (SELECT DISTINCT gender AS cell, ground FROM celled WHERE id IS NULL) USING (cell) WHERE flow = '{flow}'
)`

const verdictSQL = `
SELECT (SELECT count(*) FROM oracle) AS "Oracle", (SELECT count(*) FROM got) AS "Got",
 (SELECT count(*) FROM oracle WHERE suppressed) AS "Suppressed", (SELECT coalesce(max(people), 0) FROM oracle) AS "Most",
 (SELECT count(*) FROM (FROM oracle EXCEPT ALL FROM got)) AS "Missing",
 (SELECT count(*) FROM (FROM got EXCEPT ALL FROM oracle)) AS "Extra",
 (SELECT coalesce(string_agg(o::VARCHAR, chr(10)), '') FROM (FROM (FROM oracle EXCEPT ALL FROM got) LIMIT 3) o) AS "MissingRows",
 (SELECT coalesce(string_agg(h::VARCHAR, chr(10)), '') FROM (FROM (FROM got EXCEPT ALL FROM oracle) LIMIT 3) h) AS "ExtraRows"`

// Input is what headcounts are computed from.
type Input struct {
	// Events is a file of valid events, one on each line. Places is a list of
	// places with the column radius_m.
	Events, Places string
	// Flow is the flow whose rows are compared.
	Flow   string
	Window time.Duration
	// RadiusM is the radius of places that name none.
	RadiusM   float64
	MinPeople int
	// HotspotLevel is the S2 level of hotspots, 0 for none.
	HotspotLevel int
}

// Verdict is the result of a comparison of one table.
type Verdict struct {
	Table string
	// Oracle and Got are the rows that SQL computes, and those of the folder;
	// Missing and Extra how they differ, with the first of each. Suppressed and
	// Most are of the oracle's rows.
	Oracle, Got, Suppressed, Most, Missing, Extra int64
	MissingRows, ExtraRows                        string
}

// Err is nil where the rows are equal.
func (v *Verdict) Err() error {
	if v.Oracle == v.Got && v.Missing == 0 && v.Extra == 0 {
		return nil
	}
	return fmt.Errorf("%s: SQL computes %d rows, the pipeline %d; %d are missing, such as\n%s\n%d should not be, such as\n%s",
		v.Table, v.Oracle, v.Got, v.Missing, v.MissingRows, v.Extra, v.ExtraRows)
}

// Verdicts are those of all tables of results.
type Verdicts struct{ Headcounts, Totals, Hotspots Verdict }

// Err is nil where all rows are equal, and there are some of headcounts.
func (v *Verdicts) Err() error {
	err := errors.Join(v.Headcounts.Err(), v.Totals.Err(), v.Hotspots.Err())
	if err == nil && v.Headcounts.Got == 0 {
		err = errors.New("there are no headcounts")
	}
	return err
}

// Compare compares the results of a flow in a data folder, row for row and column for column,
// with what SQL computes.
func Compare(ctx context.Context, dir string, in Input) (*Verdicts, error) {
	fill := strings.NewReplacer(
		"{flow}", in.Flow, "{object}", filepath.Join(dir, "buckets", "headcount-aggregates", "flows", in.Flow+".json"), "{events}", in.Events, "{pois}", in.Places, "{window}", fmt.Sprint(int(in.Window.Seconds())),
		"{radius}", fmt.Sprint(in.RadiusM), "{min}", fmt.Sprint(in.MinPeople), "{level}", fmt.Sprint(in.HotspotLevel),
	)
	var v Verdicts
	for _, table := range []struct {
		verdict   *Verdict
		name, sql string
	}{{&v.Headcounts, "headcounts", headcountsSQL}, {&v.Totals, "totals", totalsSQL}, {&v.Hotspots, "hotspots", hotspotsSQL}} {
		rows, err := Ask[Verdict](ctx, dir, fill.Replace(inputSQL+table.sql+verdictSQL))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table.name, err)
		}
		*table.verdict = rows[0]
		table.verdict.Table = table.name
	}
	return &v, nil
}

// Ask runs SQL on a data folder; an element of the answer is a row. Unlike what
// people ask, it may read other files too: the test's input, and partials.
func Ask[T any](ctx context.Context, dir, query string) (rows []T, err error) {
	db, err := sql.OpenTrusting(ctx, dir, pipeline.Schema("v1", 0))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	folder, err := db.Snapshot(ctx, db.List(db.Tables()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close(ctx)) }()
	answer, err := folder.Ask(ctx, "SELECT coalesce(to_json(list(answer)), '[]')::VARCHAR FROM ("+query+") answer")
	if err != nil {
		return nil, err
	}
	return rows, json.Unmarshal([]byte(answer[0][0].(string)), &rows)
}
