package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/oracle"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	poi "github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

// radiusM is the radius of places that name none.
const radiusM = 200

// traffic is what an app sends, line by line.
type traffic struct {
	lines []string
	// valid are those of the lines that keep the contract.
	valid []string
	// faults says why the others do not.
	faults map[string]event.Category
}

// rejected counts the lines among these that are to be rejected, by why.
func (tr *traffic) rejected(lines []string) map[event.Category]int64 {
	n := map[event.Category]int64{}
	for _, line := range lines {
		if category, faulty := tr.faults[line]; faulty {
			n[category]++
		}
	}
	return n
}

// add adds lines that keep the contract.
func (tr *traffic) add(lines ...string) {
	tr.lines = append(tr.lines, lines...)
	tr.valid = append(tr.valid, lines...)
}

// simulated moves people through Paris around a midnight, so that some are
// counted under the pseudonyms of two days. One event in ten is faulty.
func simulated(t testing.TB, seed uint64, people, minutes int) *traffic {
	t.Helper()
	return simulatedEvery(t, simulate.DefaultInterval, seed, people, minutes)
}

// simulatedEvery is simulated, but says how often a person sends.
func simulatedEvery(t testing.TB, interval time.Duration, seed uint64, people, minutes int) *traffic {
	t.Helper()
	city, err := simulate.New(simulate.Config{
		People: people, Minutes: minutes, Seed: seed, Start: time.Date(2026, 5, 31, 23, 30, 0, 0, time.UTC), Interval: interval,
		FaultShare: 0.1, NoConsentShare: 0.05,
	})
	if err != nil {
		t.Fatal(err)
	}
	tr := &traffic{faults: map[string]event.Category{}}
	for sent := range city.Events(t.Context()) {
		if sent.Want == "" {
			tr.add(string(sent.Line))
			continue
		}
		tr.lines = append(tr.lines, string(sent.Line))
		tr.faults[string(sent.Line)] = sent.Want
	}
	return tr
}

// samplePlaces writes the simulator's places into a file.
func samplePlaces(t testing.TB) string {
	t.Helper()
	return writeFile(t, "pois.csv", sample.Places)
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// options are those of a run that differ between tests.
type options struct {
	pois       string
	window     time.Duration
	minPeople  int
	perMessage int
	flush      time.Duration // 10 s when it is 0
	radiusM    float64       // radiusM when it is 0
	level      int           // of the hot spots; the default when it is 0
}

// flow gives the settings of a flow.
func (o options) flow(t testing.TB, name string) pipeline.FlowSettings {
	t.Helper()
	file, err := os.Open(o.pois)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read from
	list, err := poi.ReadCSV(file, cmp.Or(o.radiusM, radiusM))
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.FlowSettings{Name: name, Places: list, Window: o.window, MinPeople: o.minPeople, HotspotLevel: cmp.Or(o.level, partials.DefaultLevel)}
}

// start starts a pipeline of the flow v1 as `headcount run` does, and gives what its
// data folder held before. stop closes it.
func start(t testing.TB, dir string, o options) (p *pipeline.Pipeline, before pipeline.Before, stop func()) {
	t.Helper()
	return startFlows(t, dir, o.flush, o.flow(t, "v1"))
}

// startFlows is start for any flows.
func startFlows(t testing.TB, dir string, flush time.Duration, flows ...pipeline.FlowSettings) (p *pipeline.Pipeline, before pipeline.Before, stop func()) {
	t.Helper()
	p, err := pipeline.Start(t.Context(), pipeline.Settings{Dir: dir, Flows: flows, Flush: cmp.Or(flush, 10*time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if before, err = p.Before(t.Context()); err != nil {
		stop()
		t.Fatal(err)
	}
	return p, before, stop
}

// run puts lines through a pipeline on a data folder, as `headcount run` does,
// and gives the balance, which must close.
func run(t testing.TB, dir string, o options, lines []string) *pipeline.Balance {
	t.Helper()
	return runFlows(t, dir, o.perMessage, lines, o.flow(t, "v1"))[0]
}

// runFlows is run for any flows.
func runFlows(t testing.TB, dir string, perMessage int, lines []string, flows ...pipeline.FlowSettings) []*pipeline.Balance {
	t.Helper()
	p, before, stop := startFlows(t, dir, 0, flows...)
	defer stop()
	begun := time.Now()
	published, err := p.Publisher(perMessage).Publish(t.Context(), reader(lines))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Settle(t.Context(), published.Events); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	if err := p.CheckFinals(t.Context()); err != nil {
		t.Error(err)
	}
	balances, err := p.Balances(t.Context(), published, before, took)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range balances {
		if err := b.Check(); err != nil {
			t.Errorf("the balance of flow %s does not close: %v", b.Flow, err)
		}
	}
	t.Logf("%d events in %d messages: %.1f s", published.Events, published.Messages, took.Seconds())
	return balances
}

func reader(lines []string) *strings.Reader {
	return strings.NewReader(strings.Join(lines, "\n") + "\n")
}

// ask runs SQL on a data folder; an element of the answer is a row.
func ask[T any](t testing.TB, dir, query string) []T {
	t.Helper()
	rows, err := oracle.Ask[T](t.Context(), dir, query)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func open(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.OpenTrusting(t.Context(), dir, pipeline.Schema("v1", 0))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// headcounts gives all rows of a data folder, sorted, as text.
func headcounts(t testing.TB, dir string) []string {
	t.Helper()
	db := open(t, dir)
	var out bytes.Buffer
	if err := errors.Join(db.Query(t.Context(), &out, sql.FormatCSV, "SELECT * FROM headcounts"), db.Close()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) < 2 {
		t.Fatal("there are no headcounts")
	}
	slices.Sort(lines[1:])
	return lines
}
