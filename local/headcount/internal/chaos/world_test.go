package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
)

var services = chain.Stages

// binaries is the folder of the services' binaries; TestMain removes it.
var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		var err error
		if binaries, err = os.MkdirTemp("", "headcount-chaos-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binaries) //nolint:errcheck // a temporary folder
		return m.Run()
	}())
}

func build() error {
	args := []string{"build", "-o", binaries}
	for _, s := range services {
		args = append(args, "github.com/headcount-etl/headcount/services/"+s.Name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// world is the stand-in, the tasks, and what goes wrong between them.
type world struct {
	*pipeline.Resources
	t           testing.TB
	dir, places string
	logs        string
	ctx         context.Context // ends with the test
	transport   http.RoundTripper
	log         *log.Logger
	begun       time.Time
	tasks       map[string][]*task
	ledger      *ledger
	faults      *faults
	kills       *kills
	rollouts    *rollouts
	calm        chan struct{} // closed when the faults end
	background  sync.WaitGroup
	unstarted   atomic.Int64      // processes that the faults kept from starting
	untaken     atomic.Int64      // answers that a task has hung up on
	poison      map[string]string // message ids, and their queues
	dead        map[string]string // bodies that are dead at once, and their queues
	poisonMu    sync.Mutex
}

func newWorld(t testing.TB, seed uint64, killings int, logs string) *world {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(logs, "chaos.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // lines were written one by one
	w := &world{
		t: t, logs: logs, dir: t.TempDir(), ctx: t.Context(), transport: &http.Transport{MaxIdleConnsPerHost: 64}, begun: time.Now(),
		log: log.New(file, "", 0), tasks: map[string][]*task{}, ledger: newLedger(), calm: make(chan struct{}), poison: map[string]string{}, dead: map[string]string{},
	}
	w.faults = &faults{w: w, seed: seed, came: map[string]int{}, copies: map[string][]json.RawMessage{}, lists: map[string][][]byte{}}
	w.kills = &kills{w: w, seed: seed, kills: killings, due: map[*task]*kill{}, hit: map[*kill]chan struct{}{}, how: map[string]int{}}
	w.places = filepath.Join(w.dir, "places.csv")
	list := strings.ReplaceAll(strings.TrimSpace(sample.Places), "\n", ",\n") // with a column for radii
	list = strings.Replace(list, ",\n", ",radius_m\n", 1) + ",\n"
	if err := os.WriteFile(w.places, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	w.rollouts = newRollouts(w, killings)
	cloud, err := standin.Start(t.Context(), standin.Config{Dir: w.dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.background.Wait()
		if err := cloud.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if w.Resources, err = pipeline.Create(t.Context(), cloud, "v1"); err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		for place := range tasksEach {
			w.tasks[s.Name] = append(w.tasks[s.Name], w.newTask(s.Name, place))
		}
	}
	return w
}

func (w *world) newTask(service string, place int) *task {
	t := &task{w: w, service: service, place: place, held: map[string]string{}, config: w.rollouts.configs[0]}
	t.proxy = w.proxy(t)
	w.t.Cleanup(func() {
		if t.done != nil {
			t.signal(syscall.SIGKILL)
			<-t.ended()
		}
		t.proxy.CloseClientConnections()
		t.proxy.Close()
	})
	return t
}

// all calls do for all tasks.
func (w *world) all(do func(*task) error) error {
	var errs []error
	for _, s := range services {
		for _, t := range w.tasks[s.Name] {
			errs = append(errs, do(t))
		}
	}
	return errors.Join(errs...)
}

func (w *world) logf(format string, args ...any) {
	w.log.Printf("%8.3f "+format, append([]any{time.Since(w.begun).Seconds()}, args...)...)
}

func (w *world) jitter(most time.Duration) time.Duration { return rand.N(most) } //nolint:gosec // spreads what comes back

func (w *world) queue(short string) *sqs.Queue {
	q, err := w.Cloud.SQS.Queue("headcount-v1-" + short)
	if err != nil {
		panic(err) // all are made at the start
	}
	return q
}

// poisoned reports whether a message was put there to be given up.
func (w *world) poisoned(id string) bool {
	w.poisonMu.Lock()
	defer w.poisonMu.Unlock()
	_, ok := w.poison[id]
	return ok
}

// putPoison puts messages that nobody can read into the queues between the services.
func (w *world) putPoison() error {
	for short, bodies := range map[string][]string{
		"valid":  {"poison", "bm8genN0ZA=="},
		"masked": {"poison", `{"poison":true}`},
		"finals": {"poison", `{"flow":"v1","hour":"yesterday","writer":"x","n":1}`, `{"flow":"v2","hour":"2026-05-31T23","writer":"x","n":1}`},
	} {
		for _, body := range bodies {
			out := sqs.Outgoing{Body: body}
			if short != "finals" && body[0] != '{' {
				out.Attributes = map[string]sqs.Value{"encoding": {DataType: "String", StringValue: "headcount-pack-1"}, "count": {DataType: "String", StringValue: "1"}}
			}
			r := w.queue(short).Send([]sqs.Outgoing{out})[0]
			if r.Err != nil {
				return r.Err
			}
			w.poisonMu.Lock()
			w.poison[r.ID] = short
			w.poisonMu.Unlock()
		}
	}
	return nil
}
