// Package oracle computes headcounts by SQL from the input alone, and compares the
// rows of a data folder with them: what tests of the whole pipeline rest on. No
// program uses it.
package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// oracleSQL computes headcounts from the lines of events and the list of places
// alone, by the definitions: age in full years on the UTC day of the event,
// tumbling windows from the Unix epoch on, the haversine on a sphere of
// 6,371,008.8 m, the number of different user ids.
const oracleSQL = `
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
), place AS (
 SELECT poi_id, name, latitude, longitude, coalesce(radius_m, {radius}) AS radius
 FROM read_csv('{pois}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {
  poi_id: 'VARCHAR', name: 'VARCHAR', latitude: 'DOUBLE', longitude: 'DOUBLE', radius_m: 'DOUBLE'})
), cell AS (
 SELECT start, poi_id, name, latitude, longitude, radius, gender, band, count(DISTINCT id) AS n
 FROM banded, place
 WHERE 2 * 6371008.8 * asin(sqrt(least(1, pow(sin(radians(latitude - lat) / 2), 2)
  + cos(radians(lat)) * cos(radians(latitude)) * pow(sin(radians(longitude - lon) / 2), 2)))) <= radius
 GROUP BY ALL
), oracle AS (
 SELECT start AS window_start, start + to_seconds({window}) AS window_end, poi_id, name AS poi_name, latitude AS poi_latitude,
  longitude AS poi_longitude, radius AS radius_m, gender, band AS age_band,
  CASE WHEN n >= {min} THEN n END AS people, n < {min} AS suppressed,
  'v1' AS flow, strftime(start, '%Y') AS year, strftime(start, '%m') AS month, strftime(start, '%d') AS day
 FROM cell
)
SELECT (SELECT count(*) FROM oracle) AS "Oracle", (SELECT count(*) FROM headcounts) AS "Got",
 (SELECT count(*) FROM oracle WHERE suppressed) AS "Suppressed", (SELECT coalesce(max(people), 0) FROM oracle) AS "Most",
 (SELECT count(*) FROM (FROM oracle EXCEPT ALL FROM headcounts)) AS "Missing",
 (SELECT count(*) FROM (FROM headcounts EXCEPT ALL FROM oracle)) AS "Extra",
 (SELECT coalesce(string_agg(o::VARCHAR, chr(10)), '') FROM (FROM (FROM oracle EXCEPT ALL FROM headcounts) LIMIT 3) o) AS "MissingRows",
 (SELECT coalesce(string_agg(h::VARCHAR, chr(10)), '') FROM (FROM (FROM headcounts EXCEPT ALL FROM oracle) LIMIT 3) h) AS "ExtraRows"`

// Input is what headcounts are computed from.
type Input struct {
	// Events is a file of valid events, one on each line. Places is a list of
	// places with the column radius_m.
	Events, Places string
	Window         time.Duration
	// RadiusM is the radius of places that name none.
	RadiusM   float64
	MinPeople int
}

// Verdict is the result of a comparison.
type Verdict struct {
	// Oracle and Got are the rows that SQL computes, and those of the folder;
	// Missing and Extra how they differ, with the first of each. Suppressed and
	// Most are of the oracle's rows.
	Oracle, Got, Suppressed, Most, Missing, Extra int64
	MissingRows, ExtraRows                        string
}

// Err is nil where the rows are equal, and there are some.
func (v *Verdict) Err() error {
	if v.Oracle > 0 && v.Oracle == v.Got && v.Missing == 0 && v.Extra == 0 {
		return nil
	}
	return fmt.Errorf("SQL computes %d rows, the pipeline %d; %d are missing, such as\n%s\n%d should not be, such as\n%s",
		v.Oracle, v.Got, v.Missing, v.MissingRows, v.Extra, v.ExtraRows)
}

// Compare compares the headcounts of a data folder, row for row and column for
// column, with what SQL computes.
func Compare(ctx context.Context, dir string, in Input) (*Verdict, error) {
	query := strings.NewReplacer(
		"{events}", in.Events, "{pois}", in.Places, "{window}", fmt.Sprint(int(in.Window.Seconds())),
		"{radius}", fmt.Sprint(in.RadiusM), "{min}", fmt.Sprint(in.MinPeople),
	).Replace(oracleSQL)
	rows, err := Ask[Verdict](ctx, dir, query)
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
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
