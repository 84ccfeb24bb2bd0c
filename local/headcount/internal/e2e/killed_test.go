package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildHeadcount builds the command, once, and gives its path.
var buildHeadcount = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaries, "headcount")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/headcount-etl/headcount/local/headcount").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// launchHeadcount starts the command with its streams as connect sets them.
func launchHeadcount(t testing.TB, connect func(*exec.Cmd), args ...string) *process {
	t.Helper()
	path, err := buildHeadcount()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	connect(cmd)
	p, err := begin(t, "headcount "+args[0], cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// command is `headcount run` as a process of its own, on one data folder.
type command struct {
	t         testing.TB
	pois, dir string
}

// start starts it on a file of events.
func (c *command) start(lines []string) (p *process, stderr *bytes.Buffer) {
	c.t.Helper()
	stderr = &bytes.Buffer{}
	p = launchHeadcount(c.t, func(cmd *exec.Cmd) { cmd.Stderr = stderr },
		"run", "--pois", c.pois, "--data", c.dir, "--radius", fmt.Sprint(radiusM),
		"--events", writeFile(c.t, "events.ndjson", strings.Join(lines, "\n")+"\n"))
	return p, stderr
}

// finish runs it to its end, which must be a good one.
func (c *command) finish(lines []string) {
	c.t.Helper()
	p, stderr := c.start(lines)
	select {
	case <-p.done:
	case <-time.After(2 * patience):
		p.kill()
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		c.t.Fatalf("exit %d: %s", code, stderr)
	}
}

// killWhen kills it by SIGKILL as soon as ask gives true. It gives false when the
// command ended by itself before.
func (c *command) killWhen(lines []string, ask func() bool) bool {
	c.t.Helper()
	p, stderr := c.start(lines)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for overdue := time.After(2 * patience); !ask(); {
		select {
		case <-tick.C:
		case <-p.done:
			if code := p.cmd.ProcessState.ExitCode(); code != 0 {
				c.t.Fatalf("exit %d: %s", code, stderr)
			}
			return false
		case <-overdue:
			c.t.Fatal("it did not come to its death")
		}
	}
	p.kill()
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status.Signaled()
}

// files counts the files below a folder of the data folder.
func (c *command) files(below ...string) (n int) {
	_ = filepath.WalkDir(filepath.Join(append([]string{c.dir}, below...)...), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() { // what is gone when it is looked at is none
			n++
		}
		return nil
	})
	return n
}

const aggregates = "buckets/headcount-aggregates"

// partialRows counts the different rows of places in all partials.
func (c *command) partialRows() int64 {
	if c.files(aggregates, "partials") == 0 {
		return 0
	}
	return ask[struct{ N int64 }](c.t, c.dir, `SELECT count(*) AS "N" FROM (SELECT DISTINCT window_start, poi_id, gender, age_band, person
 FROM read_parquet('`+filepath.Join(c.dir, aggregates)+`/partials/**/*.parquet') WHERE poi_id <> '')`)[0].N
}

// people adds up the headcounts, which gives the rows of the partials that are
// in a final.
func (c *command) people() int64 {
	return ask[struct{ N int64 }](c.t, c.dir, `SELECT coalesce(sum(people), 0)::BIGINT AS "N" FROM headcounts`)[0].N
}

// TestAKilledRunCostsTheNextOneNothing kills `headcount run` by SIGKILL. Its
// queues die with it, so what the next run finds is the folder. Whatever that
// one is given, it must bring everything that was counted into the headcounts,
// and end well.
func TestAKilledRunCostsTheNextOneNothing(t *testing.T) {
	t.Parallel()
	// Everybody sends once: no event makes up for another one's loss, nor one
	// file for the other.
	all := simulatedEvery(t, 2*time.Hour, 8, 1500, 100)
	half := len(all.valid) / 2
	first, second := all.valid[:half], all.valid[half:]
	o := options{pois: samplePlacesWithRadius(t), window: 5 * time.Minute, minPeople: 1}

	whole := &command{t, o.pois, t.TempDir()}
	whole.finish(first)
	rows, most := whole.people(), whole.files()

	t.Run("before any final", func(t *testing.T) {
		t.Parallel()
		c := &command{t, o.pois, t.TempDir()}
		// A file is in the way of the folder of finals until all is in partials.
		if err := os.MkdirAll(filepath.Join(c.dir, aggregates), 0o700); err != nil {
			t.Fatal(err)
		}
		inTheWay := filepath.Join(c.dir, aggregates, "headcounts")
		if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if !c.killWhen(first, func() bool { return c.partialRows() == rows }) {
			t.Fatal("it ended without finals")
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		c.finish(second)
		checkOracle(t, c.dir, o, all.valid)
	})

	t.Run("anywhere", func(t *testing.T) {
		t.Parallel()
		c := &command{t, o.pois, t.TempDir()}
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		killed := 0
		for _, when := range []func() bool{
			func() bool { return true }, // at once
			func() bool { return c.files("masking-keys.json") > 0 },
			func() bool { return c.files("buckets") > 0 },
			func() bool { return c.files(aggregates, "partials") > 0 },
			func() bool { return c.files(aggregates, "headcounts") > 0 },
			func() bool { return c.files("buckets/headcount-lake/data") > 0 },
		} {
			if c.killWhen(first, when) {
				killed++
			}
		}
		for range 5 {
			more := c.files() + rng.IntN(max(1, most-5))
			if c.killWhen(first, func() bool { return c.files() >= more }) {
				killed++
			}
		}
		if killed < 5 {
			t.Fatalf("only %d of the runs were killed", killed)
		}
		c.finish(second)
		if counted, people := c.partialRows(), c.people(); counted != people {
			t.Errorf("%d rows are in partials, the headcounts have %d people", counted, people)
		}
		c.finish(first)
		checkOracle(t, c.dir, o, all.valid)
	})
}
