package finals

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/queue"
)

// blind is a bucket whose lists lack all but the first keys.
type blind struct {
	*memory.Bucket
	sees int
}

func (b blind) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	out, err := b.Bucket.ListObjectsV2(ctx, in, opts...)
	if err == nil {
		out.Contents, out.IsTruncated = out.Contents[:min(b.sees, len(out.Contents))], nil
	}
	return out, err
}

// TestStaleList: a list has something new, and lacks what another message asks for: no
// message goes back as one whose partial is gone.
func TestStaleList(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	e.partial(noon, "a", 2, "x bob")
	sees := e.f.Bucket
	e.f.Bucket.API = blind{e.bucket, 1}
	for i, err := range e.handle(ask(noon, "a", 1), ask(noon, "a", 2)) {
		if err == nil || errors.As(err, new(*queue.UnprocessableError)) {
			t.Errorf("message %d: %v", i, err)
		}
	}
	e.f.Bucket = sees
	e.done(e.handle(ask(noon, "a", 1), ask(noon, "a", 2)))
	e.wantRows(noon, "x 2")
}

// TestEmptyList: a list that lacks what is there makes nothing expired or gone. The
// message is tried again.
func TestEmptyList(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	sees := e.f.Bucket
	for _, rows := range []string{"x 1", "x 2"} {
		e.f.Bucket.API = blind{Bucket: e.bucket}
		n := int(rows[2] - '0')
		errs := e.handle(ask(noon, "a", n))
		if errs[0] == nil || errors.As(errs[0], new(*queue.UnprocessableError)) || !strings.Contains(errs[0].Error(), "which is there") {
			t.Errorf("partial %d: got %v", n, errs)
		}
		e.f.Bucket = sees
		e.done(e.handle(ask(noon, "a", n)))
		e.wantRows(noon, rows)
		e.partial(noon, "a", n+1, "x bob")
	}
}

// TestListWithAGap: the pages of a list are read one after the other. Partials
// 19 and 20 are written meanwhile: the page that 19 belongs to is over, that of
// 20 is not.
func TestListWithAGap(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "v", 1, "x ann")
	for n := 1; n <= 18; n++ {
		e.partial(noon, "w", n, fmt.Sprint("x p", n))
	}
	lists := 0
	e.before = func(call, _ string) error {
		if call != "list partials" {
			return nil
		}
		if lists++; lists == 5 { // after the page that ends with w-17, w-18, w-2
			e.partial(noon, "w", 19, "x p19")
			e.partial(noon, "w", 20, "x p20")
		}
		return nil
	}
	e.done(e.handle(ask(noon, "w", 18)))
	e.wantCovers(noon, map[string]int{"v": 1, "w": 18})
	e.done(e.handle(ask(noon, "w", 19)))
	e.done(e.handle(ask(noon, "w", 20)))
	e.wantRows(noon, "x 21")
}

// unprocessable reports whether an error lies in the message, for the queue.
func unprocessable(err error) bool { return errors.As(err, new(*queue.UnprocessableError)) }

// TestGone: a message whose partial is gone is done, as nothing brings it back; one whose
// predecessor is gone waits for a rebuild. Either costs itself only: the final is written
// of what is there.
func TestGone(t *testing.T) {
	for gone, c := range map[int]struct {
		rows  string
		fails bool
	}{3: {"x 3", false}, 2: {"x 2", true}, 1: {"x 1", true}} {
		e := newEnv(t, "x")
		for n, name := range []string{"ann", "bob", "cid"} {
			e.partial(noon, "a", n+1, "x "+name)
		}
		e.partial(noon, "b", 1, "x eve")
		e.bucket.Delete(partialKey(noon, "a", gone))
		for range 2 {
			errs := e.handle(ask(noon, "a", 3), ask(noon, "a", gone), ask(noon, "b", 1))
			if c.fails != unprocessable(errs[0]) || c.fails && !strings.Contains(errs[0].Error(), partialKey(noon, "a", 3)) || errs[1] != nil || errs[2] != nil {
				t.Errorf("without partial %d: got %v", gone, errs)
			}
			e.wantRows(noon, c.rows)
		}
		if !strings.Contains(e.log.String(), partialKey(noon, "a", gone)) {
			t.Errorf("without partial %d: the log does not name it: %s", gone, e.log)
		}
		if want := map[int]int64{3: 4, 2: 2, 1: 2}[gone]; e.counted()["PartialsGone"] != want {
			t.Errorf("without partial %d: PartialsGone is not %d", gone, want)
		}
	}
}

// TestTwoAreGone: the last of them is known to be gone by its own name.
func TestTwoAreGone(t *testing.T) {
	e := newEnv(t, "x")
	e.many("a", 1, 3)
	e.bucket.Delete(partialKey(noon, "a", 2))
	e.bucket.Delete(partialKey(noon, "a", 3))
	e.done(e.handle(ask(noon, "a", 3)))
	e.wantRows(noon, "x 1")
	e.wantMetrics(map[string]int64{"FinalsWritten": 1, "PartialsGone": 1})
}

// TestMendedPartial: nothing stays of a damaged partial that was read in part.
func TestMendedPartial(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ghost", "z ghost") // nobody knows z
	if errs := e.handle(ask(noon, "a", 1)); !unprocessable(errs[0]) {
		t.Errorf("got %v", errs)
	}
	e.partial(noon, "a", 1, "x ann")
	e.done(e.handle(ask(noon, "a", 1)))
	e.wantRows(noon, "x 1")
}

// TestStrangers: what is no partial is counted and left alone.
func TestStrangers(t *testing.T) {
	e := newEnv(t, "x")
	prefix := results.PartialPrefix("v1", noon)
	for _, name := range []string{"", ".DS_Store", "a-0.parquet", "copy of a-1.parquet.tmp", "sub/a-1.parquet"} {
		e.bucket.Put(prefix+name, []byte("x"))
	}
	for n := 1; n <= 2; n++ {
		e.partial(noon, "a", n, fmt.Sprint("x p", n))
		e.done(e.handle(ask(noon, "a", n)))
		e.wantRows(noon, fmt.Sprint("x ", n))
	}
	e.wantMetrics(map[string]int64{"FinalsWritten": 2, "ObjectsSkipped": 5})
	if !strings.Contains(e.log.String(), ".DS_Store") {
		t.Errorf("log: %s", e.log)
	}
}

// TestDamaged: an object that is not what its key says stops its hour, and no other, with
// an error that names it, at once.
func TestDamaged(t *testing.T) {
	looping, err := os.ReadFile("../../../shared/parquet/testdata/loop-277.parquet")
	if err != nil {
		t.Fatal(err)
	}
	covers := func(hour counts.Hour, flow string, covers map[string]int) []byte {
		set, err := counts.New(hour, window, 1)
		if err != nil {
			t.Fatal(err)
		}
		data, err := results.EncodeFinal(results.Headcounts, set, placesOf([]string{"x"}), 1, covers, flow)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	partial, final := partialKey(noon, "a", 1), finalKey(noon)
	for name, c := range map[string]struct {
		key  string
		data []byte
	}{
		"a partial":               {partial, []byte("damaged")},
		"an empty partial":        {partial, nil},
		"a partial too large":     {partial, make([]byte, bucket.MaxSize+1)},
		"a partial sealed wrong":  {partial, looping},
		"a final":                 {final, []byte("damaged")},
		"totals":                  {results.Totals.Key("v1", noon), []byte("damaged")},
		"a final too large":       {final, make([]byte, bucket.MaxSize+1)},
		"a final of another hour": {final, covers(noon+1, "v1", nil)},
		"a final of another flow": {final, covers(noon, "v2", nil)},
		"a final that covers what was never there": {final, covers(noon, "v1", map[string]int{"a": 1 << 40})},
		"a final that covers a stranger's":         {final, covers(noon, "v1", map[string]int{"a": 1, "z": 1})},
		"totals that cover what was never there":   {results.Totals.Key("v1", noon), covers(noon, "v1", map[string]int{"a": 1 << 40})},
	} {
		e := newEnv(t, "x")
		e.f.MaxAge = 100 * 365 * 24 * time.Hour
		e.partial(noon, "a", 1, "x ann")
		e.partial(noon+1, "a", 1, "x ann")
		e.bucket.Put(c.key, c.data)
		errs := e.handle(ask(noon, "a", 1), ask(noon+1, "a", 1))
		if !unprocessable(errs[0]) || !strings.Contains(errs[0].Error(), c.key+" is damaged") || errs[1] != nil {
			t.Errorf("%s: got %v", name, errs)
		}
		e.wantMetrics(map[string]int64{"FinalsWritten": 1, "ObjectsDamaged": 1})
	}
}
