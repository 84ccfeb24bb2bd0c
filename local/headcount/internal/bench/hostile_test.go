package bench

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/klauspost/compress/zstd"

	"github.com/headcount-etl/headcount/local/headcount/internal/oracle"
)

// hostile are batches that were made to take memory or time.
var hostile = []struct {
	name, queue string // INPUT_QUEUE_URL of this service
	copies      int
	body        func() string
	count       int // of a pack
}{
	{name: "nothing", queue: "validator"},
	{"packs of 20,000 empty events", "validator", 100, func() string { return packed(20_000, "") }, 20_000},
	{"packs of a million events 0", "validator", 6, func() string { return packed(1_000_000, "0") }, 1_000_000},
	{"packs of ten million events 0", "validator", 6, func() string { return packed(10_000_000, "0") }, 10_000_000},
	{"packs of 30 MB", "validator", 20, func() string { return packed(240_000, strings.Repeat("x", 120)) }, 240_000},
	{"packs of 3.9 MB of deep lines", "validator", 20, func() string { return packed(900, strings.Repeat("[", 4000)+"!\n") }, 900},
	{"packs of 3.9 MB of objects that do not end", "validator", 20, func() string { return packed(15, strings.Repeat(`{"a":`, 50_000)) }, 15},
	{"bodies of 250 KB of 0 0 0", "validator", 64, func() string { return strings.Repeat("0 ", 125_000) }, 0},
	{"bodies of 250 KB of lines of 1", "validator", 64, func() string { return strings.Repeat("1\n", 125_000) }, 0},
	{"a backlog of 150 MB of one line each", "validator", 640, func() string { return strings.Repeat("x", 240_000) }, 0},
	{"packs of 20,000 empty events", "masker", 100, func() string { return packed(20_000, "") }, 20_000},
	{"packs of ten million events 0", "masker", 6, func() string { return packed(10_000_000, "0") }, 10_000_000},
	{"packs of 20,000 empty events", "aggregator", 100, func() string { return packed(20_000, "") }, 20_000},
	{"packs of ten million events 0", "aggregator", 6, func() string { return packed(10_000_000, "0") }, 10_000_000},
	{"bodies of 250 KB of 0 0 0", "aggregator", 64, func() string { return strings.Repeat("0 ", 125_000) }, 0},
}

// people is how many people beside the hostile messages are to be counted.
const people = 300

// BenchmarkHostile puts each hostile batch into a queue of the services as processes, with
// the memory limit of a task of 512 MiB, and events of people at a place behind it: all
// of them must be counted. It gives the peak of memory of each service, and the
// seconds until the people were counted.
func BenchmarkHostile(b *testing.B) {
	c := this(b)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "input\tqueue of\tvalidator MB\tmasker MB\taggregator MB\ts\t")
	for b.Loop() {
		for _, input := range hostile {
			w := c.start(b)
			begun := time.Now()
			w.put(b, w.value(input.queue, "INPUT_QUEUE_URL"), input.copies, input.count, input.body)
			w.publish(b, neighbours(), 1)
			w.counted(b, input.name)
			took := time.Since(begun)
			fmt.Fprintf(table, "%s\t%s\t", input.name, input.queue)
			for _, cmd := range w.running {
				_, mb := stop(b, cmd)
				fmt.Fprintf(table, "%.0f\t", mb)
				if code := cmd.ProcessState.ExitCode(); code != 0 {
					b.Errorf("%s: %s ended with %d", input.name, cmd.Path, code)
				}
			}
			fmt.Fprintf(table, "%.1f\t\n", took.Seconds())
			stop(b, w.cloud)
		}
	}
	b.ReportMetric(0, "ns/op") // it says nothing
	_ = table.Flush()          // to a terminal or a file
}

// packed is a body of a pack of one group of equal events.
func packed(events int, payload string) string {
	raw := []byte("\x01m\x00\x00")
	raw = binary.AppendUvarint(raw, uint64(events)) //nolint:gosec // not negative
	one := append(binary.AppendUvarint([]byte{0}, uint64(len(payload))), payload...)
	raw = append(raw, bytes.Repeat(one, events)...)
	e, _ := zstd.NewWriter(nil) // without options no error can come
	return base64.StdEncoding.EncodeToString(e.EncodeAll(raw, nil))
}

// put sends the same body so many times.
func (w *world) put(b *testing.B, queue string, copies, count int, body func() string) {
	b.Helper()
	if copies == 0 {
		return
	}
	in := &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String(body())}
	if count > 0 {
		in.MessageAttributes = map[string]types.MessageAttributeValue{}
		for name, value := range map[string]string{"encoding": "headcount-pack-1", "count": strconv.Itoa(count)} {
			in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
		}
	}
	client := sqs.NewFromConfig(w.config())
	for range copies {
		if _, err := client.SendMessage(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// neighbours are events of people near the Eiffel Tower.
func neighbours() *strings.Reader {
	var events strings.Builder
	for n := range people {
		fmt.Fprintf(&events, `{"schema_version":1,"event_id":"bf6b4d46-d7f9-416b-bee3-%012d","occurred_at":"2026-01-12T07:00:00Z",`+
			`"user":{"id":"u-%d","birth_date":"1969-12-27","gender":"female"},"position":{"latitude":48.8583701,"longitude":2.2944813},"consent":{"analytics":true}}`+"\n", n, n)
	}
	return strings.NewReader(events.String())
}

// counted waits until all neighbours are counted.
func (w *world) counted(b *testing.B, name string) {
	b.Helper()
	for until := time.Now().Add(5 * time.Minute); ; time.Sleep(250 * time.Millisecond) { // processes have no other clock
		rows, err := oracle.Ask[struct{ People int64 }](b.Context(), w.dir, `SELECT coalesce(max(people), 0) AS "People" FROM headcounts`)
		if err == nil && len(rows) == 1 && rows[0].People == people {
			return
		}
		if time.Now().After(until) {
			b.Fatalf("%s: %v of %d people are counted, %v", name, rows, people, err)
		}
	}
}
