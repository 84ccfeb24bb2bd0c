package finals

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// covered gives what the final of a table covers.
func (e *env) covered(table *results.Table) map[string]int {
	e.t.Helper()
	covers, _, err := readFinal(e.t.Context(), e.f.Bucket, table, "v1", noon)
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		e.t.Fatal(err)
	}
	return covers
}

// TestHeadcountsAreLast: whatever write fails, the final of headcounts covers nothing that
// another table does not; then another task makes all whole. It may be that the other
// tables cover more than it lists: then they stay.
func TestHeadcountsAreLast(t *testing.T) {
	for _, broken := range []string{"totals/", "headcounts/"} {
		for _, took := range []bool{false, true} {
			t.Run(fmt.Sprint(broken, took), func(t *testing.T) {
				e := newEnv(t, "x")
				e.partial(noon, "a", 1, "x ann")
				fails := func(key string) error {
					if strings.HasPrefix(key, broken) {
						return memory.Status(http.StatusServiceUnavailable)
					}
					return nil
				}
				if took {
					e.bucket.After = fails
				} else {
					e.before = func(call, key string) error {
						if strings.HasPrefix(call, "put") {
							return fails(key)
						}
						return nil
					}
				}
				if errs := e.handle(ask(noon, "a", 1)); errs[0] == nil {
					t.Error("done, although a write failed")
				}
				totals := e.covered(results.Totals)
				if !covers(totals, e.covered(results.Headcounts)) {
					t.Errorf("totals cover %v, headcounts %v", totals, e.covered(results.Headcounts))
				}
				e.bucket.After, e.before = nil, nil
				e.partial(noon, "b", 1, "x eve")
				e.done(e.another().Handle(t.Context(), messages(ask(noon, "b", 1))))
				e.done(e.handle(ask(noon, "a", 1)))
				for _, table := range []*results.Table{results.Totals, results.Headcounts} {
					if got, want := e.covered(table), map[string]int{"a": 1, "b": 1}; !maps.Equal(got, want) {
						t.Errorf("%s covers %v, want %v", table.Name, got, want)
					}
				}
			})
		}
	}
}
