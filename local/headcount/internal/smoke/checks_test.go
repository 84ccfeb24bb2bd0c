package smoke

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/shared/event"
)

// answers is an Asker that gives its tables in turn.
type answers [][][]string

func (a *answers) Ask(context.Context, string) ([]sql.Column, [][]*string, error) {
	next := (*a)[0]
	*a = (*a)[1:]
	return nil, table(next...), nil
}

// lakeCounts is what the query of checkColumns gives for so many rows, when one
// column, counted from 0, is empty in one of them; -1 is none.
func lakeCounts(rows, empty int) [][]string {
	counts := []string{fmt.Sprint(rows)}
	for _, f := range event.Fields() {
		if f.Type == event.Group {
			continue
		}
		n := rows
		if len(counts)-1 == empty {
			n--
		}
		counts = append(counts, fmt.Sprint(n))
	}
	return [][]string{counts}
}

// TestChecksOfTheLake: what the stand-in never does wrong is seen all the same.
func TestChecksOfTheLake(t *testing.T) {
	const key = "data/year=2026/month=11/day=24/"
	objects := &memory.Bucket{}
	objects.Put(key+"good", []byte("PAR1…PAR1"))
	objects.Put(key+"cut", []byte("PAR1…"))
	objects.Put(key+"text", []byte(`{"event_id":"PAR1"}PAR1`))
	const orc = "data/orc/year=2026/month=11/day=24/"
	objects.Put(orc+"good", []byte("ORC…ORC\x18"))
	objects.Put(orc+"text", []byte("{}"))
	at := func(path string) [][]string { return [][]string{{"2026", "11", "24", path}} }
	type check = func(*runner, context.Context) (string, string, error)
	for name, tt := range map[string]struct {
		ask    check
		sql    answers
		status string
		detail string
	}{
		"columns":             {(*runner).checkColumns, answers{lakeCounts(9, -1)}, Pass, "without values: none"},
		"an empty column":     {(*runner).checkColumns, answers{lakeCounts(9, 2)}, Fail, "without values: occurred_at"},
		"no rows":             {(*runner).checkColumns, answers{lakeCounts(0, -1)}, Fail, "in 0 rows"},
		"Parquet":             {(*runner).checkObjects, answers{at("s3://lake/" + key + "good")}, Pass, "1 objects"},
		"Parquet cut short":   {(*runner).checkObjects, answers{at("s3://lake/" + key + "cut")}, Fail, "is not Parquet"},
		"ORC":                 {(*runner).checkObjects, answers{at("s3://lake/" + orc + "good")}, Pass, "1 objects"},
		"not ORC":             {(*runner).checkObjects, answers{at("s3://lake/" + orc + "text")}, Fail, "is not ORC"},
		"JSON":                {(*runner).checkObjects, answers{at("s3://lake/" + key + "text")}, Fail, "is not Parquet"},
		"another day":         {(*runner).checkObjects, answers{at("s3://lake/data/year=2026/month=11/day=25/good")}, Fail, "not under " + key},
		"another bucket":      {(*runner).checkObjects, answers{at("s3://pond/" + key + "good")}, Fail, "not under"},
		"no objects":          {(*runner).checkObjects, answers{nil}, Fail, "no rows"},
		"each event once":     {(*runner).checkEventsSafe, answers{{{"2"}}, {{"ios"}, {"web"}}, {{"2"}}}, Pass, "2 rows"},
		"an event twice":      {(*runner).checkEventsSafe, answers{{{"1"}}, {{"ios"}, {"ios"}}, {{"2"}}}, Fail, "2 rows of this run, for 1"},
		"an event is missing": {(*runner).checkEventsSafe, answers{{{"2"}}, {{"ios"}}, {{"1"}}}, Fail, "1 rows of this run, for 2"},
		"not imported":        {(*runner).checkEventsSafe, answers{{{"1"}}, {{"ios"}}, {{"0"}}}, Fail, "recent_events has 0 of the 1 rows"},
		"a user":              {(*runner).checkEventsSafe, answers{{{"1"}}, {{"smoke-" + testRun + "-1"}}}, Fail, "the id of a user"},
		"an event's id":       {(*runner).checkEventsSafe, answers{{{"1"}}, {{"00000001-0000-4000-8000-" + testRun}}}, Fail, "the id of a user or an event"},
	} {
		r := &runner{Target: &Target{SQL: &tt.sql, Objects: objects}, run: testRun, begun: time.Now()}
		r.Outputs.Buckets.Lake = "lake"
		status, detail, err := tt.ask(r, t.Context())
		if err != nil || status != tt.status || !strings.Contains(detail, tt.detail) {
			t.Errorf("%s: %s %s, %v; want %s with %q", name, status, detail, err, tt.status, tt.detail)
		}
	}
}
