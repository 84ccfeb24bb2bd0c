package finals

import (
	"errors"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/shared/queue"
)

// FuzzMessage: whatever is in the finals queue beside a good message, the good one is
// done; of the other nothing is written and nothing is quoted.
func FuzzMessage(f *testing.F) {
	f.Add(ask(noon, "a", 2))
	f.Add(`{"flow":"v1","hour":"9999-12-31T23","writer":"../a","n":9223372036854775807}`)
	f.Add(`{"flow":"v1","hour":"2026-05-10T12","writer":"a","n":-1} {}`)
	f.Add(rebuildNoon)
	f.Fuzz(func(t *testing.T, body string) {
		e := newEnv(t, "x")
		e.partial(noon, "a", 1, "x ann")
		errs := e.handle(body, ask(noon, "a", 1))
		if len(errs) != 2 || errs[1] != nil {
			t.Fatalf("%q: %v", body, errs)
		}
		e.wantCovers(noon, map[string]int{"a": 1})
		var unprocessable *queue.UnprocessableError
		if errs[0] != nil && (!errors.As(errs[0], &unprocessable) || len(body) > 50 && strings.Contains(errs[0].Error(), body)) {
			t.Errorf("%q: %v", body, errs[0])
		}
		if finals := e.bucket.Keys("headcounts/"); len(finals) != 1 {
			t.Errorf("%q: %v", body, finals)
		}
	})
}
