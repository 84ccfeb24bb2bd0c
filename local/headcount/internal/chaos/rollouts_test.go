package chaos

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	layout "github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/services/masker/mask"
	"github.com/headcount-etl/headcount/shared/pack"
)

// config is what a rollout changes of a task's settings.
type config struct {
	keys   string // of a masker
	places string // of an aggregator: a file
	level  int
}

// rollouts change settings under way, as somebody does who adds places, switches hot
// spots on and rotates the masking key while events come: new tasks run beside old ones,
// are rolled back, and come again.
//
// Events lie in a time of their own, and S3's clock at the flow's object with them.
// Where a rule asks for a step to be done before the first event that it is about, that
// event waits for it.
type rollouts struct {
	w       *world
	configs []config // before the first round, and after each

	mu       sync.Mutex
	frontier time.Time            // of the last event that was let through
	limits   map[string]time.Time // events of then and later wait, by what for
	clock    time.Time            // S3's, unless the events are further
}

const (
	// addedPlaces are so many in a round.
	addedPlaces = 3
	// notice and confirmed are the aggregator's: an addition counts so much later, and
	// a task does not count so long after it could not ask.
	notice, confirmed = 20 * time.Minute, 3 * time.Minute
	// killsEach are between two rounds. All begin in the first half of the kills, as
	// tasks in place 0 live through the second.
	killsEach = 30
	// mostRounds leave some places to begin with.
	mostRounds = 10
)

// eventsBegin is early enough for the longest run, and some hours before a midnight.
var eventsBegin = time.Date(2023, 5, 31, 20, 0, 0, 0, time.UTC)

func newRollouts(w *world, killings int) *rollouts {
	r := &rollouts{w: w, frontier: eventsBegin, clock: eventsBegin, limits: map[string]time.Time{}}
	lines := strings.Split(strings.TrimSpace(sample.Places), "\n")
	rounds := 1 + min(killings/2/killsEach, mostRounds-1)
	for n := range rounds + 1 {
		c := config{keys: key("k0", "2023-01-01"), places: filepath.Join(w.dir, fmt.Sprintf("places-%d.csv", n))}
		if n > 0 {
			c.level = partials.DefaultLevel
		}
		// Those of the rounds to come are left out: from the first on, as they are busy.
		list := strings.Join(slices.Delete(slices.Clone(lines), 1, 1+(rounds-n)*addedPlaces), "\n")
		if err := os.WriteFile(c.places, []byte(list), 0o600); err != nil {
			w.t.Fatal(err)
		}
		r.configs = append(r.configs, c)
	}
	return r
}

// key is a masking key, as JSON.
func key(id, from string) string {
	secret := base64.StdEncoding.EncodeToString([]byte((id + strings.Repeat("-", 32))[:32]))
	scope := `,"scope":"flow"`
	if id == "k0" {
		scope = "" // it is of a version before there were scopes
	}
	return fmt.Sprintf(`{"id":%q,"from":%q,"key":%q%s}`, id, from, secret, scope)
}

// run does all rounds, and waits until events came for all that they changed.
func (r *rollouts) run(ctx context.Context) error {
	if err := r.pass(ctx, "the first settings", eventsBegin); err != nil {
		return err
	}
	now := r.configs[0]
	keys := now.keys
	for n, next := range r.configs[1:] {
		if err := until(ctx, func() bool { return r.w.kills.soFar() >= n*killsEach }); err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return r.places(ctx, n, now, next) })
		group.Go(func() (err error) {
			keys, err = r.rotate(ctx, n, keys)
			return err
		})
		if err := group.Wait(); err != nil {
			return err
		}
		now = next
	}
	return nil
}

// rotate adds a key from the next midnight on. Before it all maskers must have it; until
// then they run with both rings.
func (r *rollouts) rotate(ctx context.Context, n int, keys string) (rotated string, err error) {
	day := r.hold("the key", func(frontier time.Time) time.Time { return frontier.Truncate(24 * time.Hour).Add(24 * time.Hour) })
	rotated = keys + "," + key(fmt.Sprintf("k%d", n+1), day.Format(time.DateOnly))
	for _, place := range []int{1, 0} {
		if err := r.roll(r.w.tasks["masker"][place], func(c *config) { c.keys = rotated }); err != nil {
			return "", err
		}
		if err := r.counted(ctx, day.Add(-2*time.Hour)); err != nil {
			return "", err
		}
	}
	if err := r.pass(ctx, "the key", day); err != nil {
		return "", err
	}
	return rotated, errors.Join(r.rogue(keys, day), r.rogue(key("rogue", "2023-01-01"), eventsBegin))
}

// rogue puts a person into the queue whom a masker with wrong keys has masked. Who
// counts that, counts one too many.
func (r *rollouts) rogue(keys string, at time.Time) error {
	ring, err := mask.ParseRing("[" + keys + "]")
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"person":"%032x","occurred_at_ms":%d,"latitude":48.8606,"longitude":2.3376,"gender":"other","age_band":"65+"}`, len(keys), at.UnixMilli())
	r.w.poisonMu.Lock()
	r.w.dead[body] = "masked"
	r.w.poisonMu.Unlock()
	return r.w.queue("masked").Send([]sqs.Outgoing{{Body: body, Attributes: map[string]sqs.Value{
		pack.AttributeKeys: {DataType: "String", StringValue: ring.Fingerprints()},
	}}})[0].Err
}

// places adds places to the flow, and hot spots at first. A task with the new settings
// runs beside one with the old, and is rolled back before the first window that counts
// them, and comes again after it. In the first round the other task is restarted, with the
// new settings; in later ones it has to see for itself, which takes longer.
func (r *rollouts) places(ctx context.Context, n int, was, is config) error {
	lead := time.Hour
	if n > 0 {
		lead = 8 * 24 * time.Hour // it comes in some minutes
	}
	from := r.hold("the places", func(frontier time.Time) time.Time {
		r.clock = frontier.Add(lead).Truncate(time.Second) // as the header Date has it
		return r.clock.Add(notice)
	})
	first, second := r.w.tasks["aggregator"][1], r.w.tasks["aggregator"][0]
	with := func(settings config) func(*config) {
		return func(c *config) { c.places, c.level = settings.places, settings.level }
	}
	if err := r.roll(first, with(is)); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return r.added(eventsBegin) == (n+1)*addedPlaces }); err != nil {
		return err
	}
	if r.added(from) != addedPlaces {
		return fmt.Errorf("not all of the %d new places count from %s on, or later", addedPlaces, from)
	}
	added := time.Now()
	if err := r.roll(first, with(config{places: was.places})); err != nil { // without hot spots
		return err
	}
	if n == 0 {
		if err := r.roll(second, with(is)); err != nil {
			return err
		}
	} else if err := until(ctx, func() bool { return time.Since(added) > confirmed }); err != nil {
		return err
	}
	if err := r.pass(ctx, "the places", from.Add(time.Hour)); err != nil {
		return err
	}
	return r.roll(first, with(is))
}

// added gives the number of places of the flow's object that count from that instant on,
// or later.
func (r *rollouts) added(since time.Time) (n int) {
	var doc struct {
		Places []struct{ From time.Time }
	}
	text, err := os.ReadFile(filepath.Join(r.w.dir, "buckets", "headcount-aggregates", "flows", "v1.json"))
	if err != nil || json.Unmarshal(text, &doc) != nil {
		return 0 // it is being replaced
	}
	for _, p := range doc.Places {
		if !p.From.Before(since) {
			n++
		}
	}
	return n
}

// roll replaces the process of a task by one with other settings.
func (r *rollouts) roll(t *task, change func(*config)) error {
	t.killing.Lock()
	defer t.killing.Unlock()
	change(&t.config)
	r.w.logf("%s is replaced by one with %s and level %d, or %s", t, filepath.Base(t.config.places), t.config.level, t.config.keys)
	return r.w.kills.end(&kill{term: true}, t)
}

// hold lets no event through that is not before the instant that it gives.
func (r *rollouts) hold(what string, at func(frontier time.Time) time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := at(r.frontier)
	r.limits[what] = limit
	r.w.logf("%s: events of %s wait", what, limit)
	return limit
}

// pass lets events through up to the end of an hour, and all others when it is counted:
// then what was held for it has been seen to work.
func (r *rollouts) pass(ctx context.Context, what string, hour time.Time) error {
	r.hold(what, func(time.Time) time.Time { return hour.Truncate(time.Hour).Add(time.Hour) })
	if err := r.counted(ctx, hour); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.w.logf("%s: all events may come; they are at %s", what, r.frontier)
	delete(r.limits, what)
	return nil
}

// let reports whether an event of that instant may come.
func (r *rollouts) let(at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, limit := range r.limits {
		if !at.Before(limit) {
			return false
		}
	}
	r.frontier = at
	return true
}

// counted waits until there are counts of that hour.
func (r *rollouts) counted(ctx context.Context, hour time.Time) error {
	dir := filepath.Join(r.w.dir, "buckets", "headcount-aggregates", layout.PartialPrefix("v1", counts.HourOf(hour.UnixMilli())))
	return until(ctx, func() bool {
		_, err := os.Stat(dir)
		return err == nil
	})
}

// date is S3's clock at the flow's object.
func (r *rollouts) date() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.frontier.After(r.clock) {
		return r.frontier
	}
	return r.clock
}

func notTheFlow(c *call) bool { return c.where != "headcount-aggregates/flows/v1.json" }

// until waits until it is so.
func until(ctx context.Context, so func() bool) error {
	if so() {
		return nil
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
