package e2e

import (
	"maps"
	"path/filepath"
	"testing"
	"time"
)

// TestFlowsEqualSQL: one run counts the same events in flows with other windows, radii,
// places, k and cells, and the rows of each are those that SQL computes for it from the
// input. Days are of UTC, and the events lie in two.
func TestFlowsEqualSQL(t *testing.T) {
	t.Parallel()
	tr := simulated(t, 11, 200, 45)
	tr.add(oddEvents(t)...)
	rejected := tr.rejected(tr.lines)
	flows := map[string]options{
		"v1":  {pois: samplePlacesWithRadius(t), window: 5 * time.Minute, minPeople: 1},
		"day": {pois: oddPlaces(t), window: 24 * time.Hour, minPeople: 2, radiusM: 500, level: 13},
	}
	dir := t.TempDir()
	balances := runFlows(t, dir, 100, tr.lines, flows["v1"].flow(t, "v1"), flows["day"].flow(t, "day"))
	for i, name := range []string{"v1", "day"} {
		b, v := balances[i], checkFlow(t, dir, name, flows[name], tr.valid)
		if b.Flow != name || b.Cells != v.Headcounts.Got || b.Published != int64(len(tr.lines)) || b.Valid != int64(len(tr.valid)) || !maps.Equal(b.Rejected, rejected) {
			t.Errorf("flow %s has the balance %+v, and %d rows of headcounts; %d events, %d valid, rejected %v", name, b, v.Headcounts.Got, len(tr.lines), len(tr.valid), rejected)
		}
		if v.Totals.Got == 0 || v.Hotspots.Got == 0 || v.Headcounts.Most < 3 {
			t.Errorf("flow %s: %+v: not the case that was meant", name, v)
		}
	}
	if balances[0].Near >= balances[1].Near || balances[0].Lake != balances[1].Lake {
		t.Errorf("%+v and %+v: not the case that was meant", balances[0], balances[1])
	}
	// Whoever has the partials of both flows cannot tell who is who in the other.
	people := ask[struct{ All, Both int64 }](t, dir, `SELECT count(*) AS "All", count(*) FILTER (flows = 2) AS "Both" FROM (
  SELECT person, count(DISTINCT flow) AS flows FROM read_parquet('`+filepath.Join(dir, aggregates)+`/partials/**/*.parquet', hive_partitioning = true) GROUP BY person)`)
	if people[0].All == 0 || people[0].Both > 0 {
		t.Errorf("of %d pseudonyms %d are in both flows", people[0].All, people[0].Both)
	}
	// Each event is in the lake once, and in the quarantine once for each flow.
	if lake := ask[struct{ N int64 }](t, dir, `SELECT count(*) AS "N" FROM events`); lake[0].N != balances[0].Lake {
		t.Errorf("the lake has %d rows, the balance %d", lake[0].N, balances[0].Lake)
	}
	twice := maps.Clone(rejected)
	for category := range twice {
		twice[category] *= 2
	}
	checkQuarantine(t, dir, twice)
}
