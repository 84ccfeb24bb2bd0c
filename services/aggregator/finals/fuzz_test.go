package finals

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/shared/queue"
)

// FuzzMessage: whatever is in the finals queue beside a good message, the good one is
// done; of the other nothing is written and nothing is quoted.
func FuzzMessage(f *testing.F) {
	f.Add(ask(noon, "a", 2))
	f.Add(`{"flow":"v1","hour":"9999-12-31T23","writer":"../a","n":9223372036854775807}`)
	f.Add(`{"flow":"v1","hour":"2026-05-10T12","writer":"a","n":-1} {}`)
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

// TestPartialsThatAreTooMuch: one that is too large, or that was sealed wrong, is an
// error of its message alone.
func TestPartialsThatAreTooMuch(t *testing.T) {
	looping, err := os.ReadFile("../../../shared/parquet/testdata/loop-277.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"too large":    {make([]byte, bucket.MaxSize+1), bucket.ErrTooLarge},
		"sealed wrong": {looping, nil},
	} {
		e := newEnv(t, "x")
		e.bucket.Put(partialKey(noon, "b", 1), c.data)
		e.partial(noon+1, "a", 1, "x ann")
		errs := e.handle(ask(noon, "b", 1), ask(noon+1, "a", 1))
		var unprocessable *queue.UnprocessableError
		if !errors.As(errs[0], &unprocessable) || errs[1] != nil || c.want != nil && !errors.Is(errs[0], c.want) {
			t.Errorf("%s: %v", name, errs)
		}
	}
}
