package chaos

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/local/headcount/internal/oracle"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
)

var (
	seedFlag   = flag.Uint64("seed", 1, "picks the faults and the kills")
	killsFlag  = flag.Int("kills", 6, "how many kills there are")
	eventsFlag = flag.Int64("events", 5000, "how many events there are at least; as many as are needed until all kills are done")
	logFlag    = flag.String("logs", "", "the folder that gets chaos.log and the tasks' logs; a temporary one by default, which is kept where the test fails")
)

// killersAtOnce is how many kills may be under way.
const killersAtOnce = 2

// patience bounds the wait for the end. A consumer pauses for up to a minute after
// failures, and a receive that was cut off hides messages for one.
const patience = 4 * time.Minute

func TestChaos(t *testing.T) {
	logs := logFolder(t)
	t.Logf("seed %d, %d kills; the log is %s", *seedFlag, *killsFlag, filepath.Join(logs, "chaos.log"))
	w := newWorld(t, *seedFlag, *killsFlag, logs)
	if err := w.all((*task).start); err != nil {
		t.Fatal(err)
	}
	w.faults.mu.Lock()
	w.faults.on = true
	w.faults.mu.Unlock()

	peaks := w.watch()
	done := make(chan struct{})
	group, ctx := errgroup.WithContext(t.Context())
	hands, handsCtx := errgroup.WithContext(ctx)
	for range killersAtOnce {
		hands.Go(w.kills.run)
	}
	hands.Go(func() error { return w.rollouts.run(handsCtx) })
	group.Go(func() error {
		defer close(done)
		return hands.Wait()
	})
	var sent expected
	group.Go(func() (err error) {
		sent, err = w.publish(ctx, *seedFlag, *eventsFlag, done)
		return err
	})
	if err := group.Wait(); err != nil {
		w.fail(err)
	}
	w.faults.off()
	w.logf("the faults are off; %d events were published", sent.events)
	quiet := time.Now()
	if err := w.drain(); err != nil {
		t.Error(err)
	}
	t.Logf("%d events, %d kills %v, %d faults; drained %.1f s after the last fault", sent.events, w.kills.done, w.kills.how,
		w.faults.next, time.Since(quiet).Seconds())
	t.Logf("calls with a fault: %v; %d processes could not start for them", w.faults.came, w.unstarted.Load())
	t.Logf("most receives of a message: %v; deliveries after the first: %v", w.ledger.receives, w.ledger.redelivered)
	w.checkRows(sent)
	w.checkDead()
	if err := w.all((*task).alive); err != nil {
		t.Error(err)
	}
	if n := w.untaken.Load(); n > 0 {
		t.Errorf("tasks hung up on %d answers", n)
	}
	w.checkFlat(peaks())
}

// fail ends the test, with what helps to see why.
func (w *world) fail(err error) {
	w.t.Helper()
	for _, short := range chain.Queues() {
		w.t.Logf("%s: %+v, given up: %+v", short, w.queue(short).Counts(), w.queue(short+"-dlq").Counts())
	}
	w.logf("failed: %v", err)
	w.t.Fatal(err)
}

func logFolder(t *testing.T) string {
	t.Helper()
	if *logFlag != "" {
		if err := os.MkdirAll(*logFlag, 0o700); err != nil {
			t.Fatal(err)
		}
		return *logFlag
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("headcount-chaos-%d-", *seedFlag)) //nolint:usetesting // it outlives a test that fails
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir) // a temporary folder
		}
	})
	return dir
}

func (w *world) validPath() string { return filepath.Join(w.dir, "valid.ndjson") }

// publish publishes events until there are enough, and all kills and rollouts are done. Each person
// sends about once an hour, so that no event makes up for the loss of another, nor the
// final of one hour for that of many.
func (w *world) publish(ctx context.Context, seed uint64, least int64, done <-chan struct{}) (sent expected, err error) {
	sent.rejected = map[event.Category]int64{}
	city, err := simulate.New(simulate.Config{
		People: 1000, Minutes: 1200 * 24 * 60, Seed: seed, Start: eventsBegin, Interval: time.Hour,
		FaultShare: 0.05, NoConsentShare: 0.05,
	})
	if err != nil {
		return sent, err
	}
	file, err := os.Create(w.validPath())
	if err != nil {
		return sent, err
	}
	valid := bufio.NewWriter(file)
	rng := rand.New(rand.NewPCG(seed, 1<<33)) //nolint:gosec // it is to be the same each time
	var lines []string
	perMessage, poison := 1, false
	flush := func() error {
		if len(lines) == 0 {
			return nil
		}
		if err := w.ready(ctx, sent.events < least); err != nil {
			return err
		}
		p := publish.Publisher{API: sns.NewFromConfig(w.Config), TopicARN: w.TopicARN, PerMessage: perMessage}
		_, err := p.Publish(ctx, strings.NewReader(strings.Join(lines, "\n")+"\n"))
		lines, perMessage = lines[:0], []int{1, 3, 30, 100, 300}[rng.IntN(5)]
		return err
	}
	for s := range city.Events(ctx) {
		for at := s.At; !w.rollouts.let(at); {
			if err := errors.Join(flush(), until(ctx, func() bool { return w.rollouts.let(at) })); err != nil {
				return sent, err
			}
		}
		line := string(s.Line)
		lines = append(lines, line)
		sent.events++
		if s.Want == "" {
			sent.valid++
			_, _ = valid.WriteString(line + "\n") // Flush gives the error
		} else {
			sent.rejected[s.Want]++
		}
		if len(lines) < min(50*perMessage, 2000) {
			continue
		}
		if err := flush(); err != nil {
			return sent, err
		}
		if !poison && sent.events >= least/2 {
			if poison = true; w.putPoison() != nil {
				return sent, errors.New("poison was not accepted")
			}
		}
		if sent.events >= least {
			select {
			case <-done:
				return sent, errors.Join(valid.Flush(), file.Close())
			default:
			}
		}
	}
	return sent, errors.Join(ctx.Err(), errors.New("the simulation has ended"))
}

// ready waits until there is little to do; in a hurry, until there is not much.
func (w *world) ready(ctx context.Context, hurry bool) error {
	most := 20
	if hurry {
		most = 500
	}
	return until(ctx, func() bool { return w.queue(chain.Entry).Counts().Visible <= most })
}

// drain waits until nothing is left but poison, and that is given up.
func (w *world) drain() error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	overdue := time.After(patience)
	for n := 0; ; n++ {
		left, onlyPoison := 0, true
		for _, short := range chain.Queues() {
			poison := w.ledger.deadNow(short) - w.queue(short+"-dlq").Counts().Total()
			for _, of := range w.poison {
				if of == short {
					poison++
				}
			}
			there := w.queue(short).Counts().Total()
			left += there
			onlyPoison = onlyPoison && there <= poison
		}
		switch {
		case left == 0:
			return nil
		case onlyPoison && n%5 == 0: // failures are hidden for up to a quarter of an hour
			for _, short := range chain.Queues() {
				w.queue(short).ShowAll()
			}
		}
		if n%50 == 0 {
			w.logLeft()
		}
		select {
		case <-tick.C:
		case <-overdue:
			return fmt.Errorf("%d messages are left %s after the last fault", left, patience)
		}
	}
}

// logLeft says where what is left is.
func (w *world) logLeft() {
	for _, short := range chain.Queues() {
		held := map[string]int{}
		_ = w.all(func(t *task) error { // which gives none
			t.mu.Lock()
			defer t.mu.Unlock()
			for _, of := range t.held {
				if of == short {
					held[t.String()]++
				}
			}
			return nil
		})
		w.logf("%s: %+v, held by %v", short, w.queue(short).Counts(), held)
	}
}

// checkDead: there is nothing in the dead-letter queues but all poison.
func (w *world) checkDead() {
	w.t.Helper()
	found := map[string]string{}
	for _, short := range chain.Queues() {
		for {
			none, hour := 0, 3600 // seconds
			messages, err := w.queue(short+"-dlq").Receive(w.ctx, sqs.ReceiveOptions{Max: 10, Wait: &none, Visibility: &hour})
			if err != nil {
				w.t.Fatal(err)
			}
			if len(messages) == 0 {
				break
			}
			for _, m := range messages {
				found[m.ID], found[m.Body] = short, short
				if !w.poisoned(m.ID) && w.dead[m.Body] != short {
					w.t.Errorf("dead letter of %s: %s, received %d times: %.200s", short, m.ID, m.Receives, m.Body)
				}
			}
		}
	}
	maps.Copy(w.dead, w.poison)
	for name, short := range w.dead {
		if found[name] != short {
			w.t.Errorf("poison %s of %s was not given up", name, short)
		}
	}
}

// checkRows: the rows are those of SQL, and the balance closes.
func (w *world) checkRows(sent expected) {
	w.t.Helper()
	// A partial may be in no final: that of a writer which was killed before it sent
	// the finals message, while it handled a second delivery of what another had
	// handled. Its people are in the other's partial too, as the rows show.
	verdict, err := oracle.Compare(w.ctx, w.dir, oracle.Input{Events: w.validPath(), Flow: w.Flow, Places: w.places, Window: window, RadiusM: radiusM, MinPeople: 1, HotspotLevel: partials.DefaultLevel})
	if err == nil {
		err = verdict.Err()
		w.t.Logf("rows: headcounts %d, totals %d, hotspots %d", verdict.Headcounts.Got, verdict.Totals.Got, verdict.Hotspots.Got)
	}
	if err != nil {
		w.t.Error(err)
	}
	rows, err := oracle.Ask[struct {
		Category event.Category
		N        int64
	}](w.ctx, w.dir, `SELECT category, count(DISTINCT (message_id, "index")) AS "N" FROM quarantine GROUP BY category`)
	if err != nil {
		w.t.Error(err)
	}
	quarantine := map[event.Category]int64{}
	for _, row := range rows {
		quarantine[row.Category] = row.N
	}
	for _, err := range w.balance(sent, quarantine) {
		w.t.Error(err)
	}
}

// TestFaultsAreFunctionsOfTheirNumber: the seed replays the schedule, whatever was
// asked for before, and every kind is in it.
func TestFaultsAreFunctionsOfTheirNumber(t *testing.T) {
	const some = 1000
	var first []string
	found := map[string]bool{}
	for n := range some {
		f := newFault(7, n)
		found[f.kind.name] = true
		first = append(first, f.String()+newKill(7, n, some).String())
	}
	for _, n := range rand.Perm(some) {
		if got := newFault(7, n).String() + newKill(7, n, some).String(); got != first[n] {
			t.Fatalf("number %d is %s, and was %s", n, got, first[n])
		}
	}
	if len(found) != len(kinds) {
		t.Errorf("of %d kinds there are %v", len(kinds), slices.Sorted(maps.Keys(found)))
	}
	if newFault(8, 0).String() == first[0] {
		t.Error("another seed gives the same faults")
	}
}
