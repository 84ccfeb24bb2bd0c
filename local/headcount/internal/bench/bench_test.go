package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
)

var (
	events  = flag.Int("events", 100_000, "how many events go through the pipeline")
	against = flag.String("against", "", "another checkout, measured in turn with this one")
	rounds  = flag.Int("rounds", 1, "how often each is measured; the median counts")
	given   = flag.String("input", "", "a file of events in place of simulated ones")
	listed  = flag.String("places", "", "the list of places of that file")
)

var services = []string{"validator", "masker", "aggregator"}

// patience bounds every wait for something that must happen.
const patience = 30 * time.Minute

// checkout is a version of the repository, built.
type checkout struct {
	name, dir, bin string
	level          int // of the hot spots
}

// figures are what was measured, by name.
type figures map[string]float64

// BenchmarkPipeline sends events of the real shape through the services as processes,
// and through `headcount run`, at 1 and at 100 events a message: CPU seconds for a
// million events, events a second, and peak memory in MB. With -against it measures
// another checkout too, in turn, and gives the ratios.
func BenchmarkPipeline(b *testing.B) {
	checkouts := []*checkout{this(b)}
	if *against != "" {
		other := &checkout{name: "other", dir: *against, level: partials.DefaultLevel}
		other.build(b)
		checkouts = append(checkouts, other)
	}
	input := simulate(b, checkouts[0])
	inTurn(b, checkouts, []int{100, 1}, func(c *checkout, per int) figures {
		got := c.processes(b, input, per)
		maps.Copy(got, c.run(b, input, per))
		return got
	})
}

// BenchmarkHotspots compares the services with hot spots (this) and without (other).
func BenchmarkHotspots(b *testing.B) {
	with := this(b)
	without := *with
	without.name, without.level = "other", 0
	input := simulate(b, with)
	inTurn(b, []*checkout{with, &without}, []int{100}, func(c *checkout, per int) figures { return c.processes(b, input, per) })
}

// inTurn measures each in turn, and prints the medians.
func inTurn(b *testing.B, checkouts []*checkout, pers []int, measure func(c *checkout, per int) figures) {
	b.Helper()
	results := map[string]map[string][]float64{} // by checkout and name
	for b.Loop() {
		for range *rounds {
			for _, per := range pers {
				for _, c := range checkouts {
					if results[c.name] == nil {
						results[c.name] = map[string][]float64{}
					}
					for name, v := range measure(c, per) {
						results[c.name][name] = append(results[c.name][name], v)
					}
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op") // it says nothing
	table(results)
}

// this is the checkout that the benchmark stands in, built.
func this(b *testing.B) *checkout {
	b.Helper()
	root, err := filepath.Abs("../../../..")
	if err != nil {
		b.Fatal(err)
	}
	c := &checkout{name: "this", dir: root, level: partials.DefaultLevel}
	c.build(b)
	return c
}

// build builds the programs of a checkout.
func (c *checkout) build(b *testing.B) {
	b.Helper()
	c.bin = b.TempDir()
	args := []string{"build", "-o", c.bin, "./local/headcount"}
	for _, s := range services {
		args = append(args, "./services/"+s)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = c.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go %s in %s: %v\n%s", strings.Join(args, " "), c.dir, err, out)
	}
}

// simulate writes the events into a file, unless one was given.
func simulate(b *testing.B, c *checkout) string {
	b.Helper()
	if *given != "" {
		text, err := os.ReadFile(*given)
		if err != nil {
			b.Fatal(err)
		}
		*events = bytes.Count(text, []byte("\n"))
		return *given
	}
	file := filepath.Join(b.TempDir(), "events.ndjson")
	out, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // written whole, or the run fails
	// A person has two events a minute.
	cmd := exec.Command(filepath.Join(c.bin, "headcount"), "simulate", "--faults", "0.01", "--people", "5000", "--minutes", strconv.Itoa(*events/10_000+2))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReaderSize(pipe, 1<<20)
	for range *events {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			b.Fatalf("too few events: %v", err)
		}
		if _, err := out.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	_ = cmd.Process.Kill() // it has more to say
	_ = cmd.Wait()
	return file
}

// places are those of the simulation, unless others were given.
func (c *checkout) places() string {
	if *listed != "" {
		return *listed
	}
	return filepath.Join(c.dir, "local/headcount/sample/places.csv")
}

// processes measures the services as processes on the stand-in.
func (c *checkout) processes(b *testing.B, input string, per int) figures {
	b.Helper()
	w := c.start(b)
	begun := time.Now()
	f, err := os.Open(input)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read from
	w.publish(b, f, per)
	w.settle(b)
	took := time.Since(begun)
	got := figures{fmt.Sprintf("processes at %d: events/s", per): float64(*events) / took.Seconds()}
	for i, name := range services {
		cpu, mb := stop(b, w.running[i])
		got[fmt.Sprintf("%s at %d: CPU s per million", name, per)] = cpu * 1e6 / float64(*events)
		got[fmt.Sprintf("%s at %d: MB", name, per)] = mb
	}
	stop(b, w.cloud)
	return got
}

// world is the stand-in and the services on it, one task each.
type world struct {
	dir     string // of the stand-in's data
	topic   string
	envs    map[string][]string // by service
	cloud   *exec.Cmd
	running []*exec.Cmd
}

func (c *checkout) start(b *testing.B) *world {
	b.Helper()
	w := &world{dir: filepath.Join(b.TempDir(), "data")}
	w.cloud = exec.Command(filepath.Join(c.bin, "headcount"), "cloud", "--listen", "127.0.0.1:0", "--data", w.dir)
	said, err := w.cloud.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := w.cloud.Start(); err != nil {
		b.Fatal(err)
	}
	w.topic, w.envs = described(b, said)
	for _, name := range services {
		cmd := exec.Command(filepath.Join(c.bin, name))
		cmd.Env = append(w.envs[name], "MASKING_KEYS="+ring, "POIS="+c.places(), "FLUSH_INTERVAL=2s", "REFRESH_INTERVAL=2s", "MAX_AGE=0", memoryLimit, fmt.Sprint("HOTSPOT_LEVEL=", c.level))
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		w.running = append(w.running, cmd)
	}
	return w
}

// memoryLimit is what the stack gives a task of 512 MiB.
const memoryLimit = "GOMEMLIMIT=409MiB"

var ring = `[{"id":"k1","from":"2020-01-01","key":"` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32)) + `"}]`

// described reads what `headcount cloud` says: the topic and each service's
// environment.
func described(b *testing.B, r io.Reader) (topic string, envs map[string][]string) {
	b.Helper()
	envs = map[string][]string{}
	name := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		switch {
		case strings.HasPrefix(text, "topic") && topic == "":
			topic = strings.TrimSpace(strings.TrimPrefix(text, "topic"))
		case slices.Contains(services, text):
			name = text
		case strings.HasPrefix(text, "export ") && name != "":
			envs[name] = append(envs[name], strings.TrimPrefix(text, "export "))
		case strings.HasPrefix(text, "Besides"):
			go io.Copy(io.Discard, r) //nolint:errcheck // until it ends
			return topic, envs
		}
	}
	b.Fatalf("the stand-in has ended: %v", lines.Err())
	return "", nil
}

// value gives a setting of a service.
func (w *world) value(service, name string) string {
	for _, pair := range w.envs[service] {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			return v
		}
	}
	return ""
}

// config points the SDK at the stand-in.
func (w *world) config() aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(w.value("validator", "AWS_ENDPOINT_URL")),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

func (w *world) publish(b *testing.B, input io.Reader, per int) {
	b.Helper()
	p := &publish.Publisher{API: sns.NewFromConfig(w.config()), TopicARN: w.topic, PerMessage: per}
	if _, err := p.Publish(b.Context(), input); err != nil {
		b.Fatal(err)
	}
}

// settle waits until the queues are empty. What a stage deletes is in the next queue
// by then.
func (w *world) settle(b *testing.B) {
	b.Helper()
	var queues []string
	for _, env := range w.envs {
		for _, pair := range env {
			if name, url, _ := strings.Cut(pair, "="); strings.HasSuffix(name, "QUEUE_URL") && !slices.Contains(queues, url) {
				queues = append(queues, url)
			}
		}
	}
	client := sqs.NewFromConfig(w.config())
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for empty := 0; empty < 3; {
		left := 0
		for _, url := range queues {
			out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
				"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
			}})
			if err != nil {
				b.Fatalf("the queues are not empty after %s: %v", patience, err)
			}
			for _, n := range out.Attributes {
				count, _ := strconv.Atoi(n)
				left += count
			}
		}
		if empty++; left > 0 {
			empty = 0
		}
		time.Sleep(100 * time.Millisecond) // processes have no other clock
	}
}

// run measures `headcount run`.
func (c *checkout) run(b *testing.B, input string, per int) figures {
	b.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(filepath.Join(c.bin, "headcount"), "run", "--events", input, "--pois", c.places(),
		"--per-message", strconv.Itoa(per), "--data", filepath.Join(b.TempDir(), "data"))
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		b.Fatalf("headcount run: %v\n%s", err, errs.String())
	}
	var balance struct {
		Published       int     `json:"published"`
		EventsPerSecond float64 `json:"events_per_second"`
	}
	if err := json.Unmarshal(out.Bytes(), &balance); err != nil || balance.Published != *events {
		b.Fatalf("%s: %v", out.String(), err)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	mb := float64(usage.Maxrss) / 1024 // Linux counts in KiB
	return figures{
		fmt.Sprintf("run at %d: events/s", per): balance.EventsPerSecond,
		fmt.Sprintf("run at %d: MB", per):       mb,
	}
}

// stop ends a process as a deployment would, and gives what it has used: CPU seconds,
// and its peak of memory in MB.
func stop(b *testing.B, cmd *exec.Cmd) (cpu, mb float64) {
	b.Helper()
	// What wait(2) says of memory includes that of this process before the exec.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		b.Error(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if fields := strings.Fields(peak); len(fields) > 0 {
		kib, _ := strconv.ParseFloat(fields[0], 64)
		mb = kib / 1024
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Error(err)
	}
	_ = cmd.Wait() // the stand-in exits with 143
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), mb
}

// table prints the medians, and the ratios of this to the other.
func table(results map[string]map[string][]float64) {
	median := func(all []float64) float64 {
		if len(all) == 0 {
			return 0
		}
		sorted := slices.Sorted(slices.Values(all))
		return sorted[len(sorted)/2]
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%d events\tthis\tother\tratio\t\n", *events)
	for _, name := range slices.Sorted(maps.Keys(results["this"])) {
		this, other := median(results["this"][name]), median(results["other"][name])
		fmt.Fprintf(t, "%s\t%.1f\t", name, this)
		if other > 0 {
			fmt.Fprintf(t, "%.1f\t%.2f\t\n", other, this/other)
		} else {
			fmt.Fprint(t, "\t\t\n")
		}
	}
	_ = t.Flush() // to a terminal or a file
}
