package cost

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/usage"
)

//go:embed counted.json
var countedJSON []byte

// Counted is what runs on the stand-in used.
type Counted struct {
	// Full are runs at full speed, by events per published message: 1 and Many.
	Full []Full `json:"full"`
	// Paced are runs at a steady rate, which the arithmetic of Steady is checked
	// against.
	Paced []Paced `json:"paced"`
}

// Many is how many events a publisher puts into a message when not one.
const Many = 100

// Full is a run of simulated events at full speed.
type Full struct {
	PerMessage int   `json:"per_message"` // at most
	Events     int64 `json:"events"`
	Messages   int64 `json:"messages"`
	Valid      int64 `json:"valid"`
	// Quarantined events are those that are kept aside and told of, and Categories
	// how many categories of them there were.
	Quarantined int64 `json:"quarantined"`
	Categories  int64 `json:"categories"`
	// CPUSeconds is what the whole process took: the three services, the
	// publisher and the stand-in.
	CPUSeconds float64 `json:"cpu_seconds"`
	// LogLineBytes is the mean length of a line of metrics in a service's log.
	LogLineBytes int64 `json:"log_line_bytes"`
	// FinalBytes is the size of the largest final, FinalWindows how many windows
	// had events.
	FinalBytes   int64        `json:"final_bytes"`
	FinalWindows int64        `json:"final_windows"`
	Usage        []usage.Line `json:"usage"`
}

// Paced is a run at a steady rate of messages with one valid event each.
type Paced struct {
	MessagesPerSecond float64 `json:"messages_per_second"`
	Seconds           float64 `json:"seconds"`
	// FlushSeconds and RefreshSeconds are the aggregator's intervals.
	FlushSeconds   float64      `json:"flush_seconds"`
	RefreshSeconds float64      `json:"refresh_seconds"`
	Usage          []usage.Line `json:"usage"`
}

// ReadCounted reads the counts that are in the repository.
func ReadCounted() (c Counted, err error) {
	if err := json.Unmarshal(countedJSON, &c); err != nil {
		return c, fmt.Errorf("counted.json: %w", err)
	}
	return c, c.check()
}

func (c Counted) check() error {
	var faults []error
	for _, perMessage := range []int{1, Many} {
		f, ok := c.run(perMessage)
		if !ok || f.Events <= 0 || f.Messages <= 0 || f.Valid <= 0 || f.CPUSeconds <= 0 {
			faults = append(faults, fmt.Errorf("counted.json has no run with %d events in a message: `make cost` counts anew", perMessage))
		}
	}
	return errors.Join(faults...)
}

func (c Counted) run(perMessage int) (Full, bool) {
	for _, f := range c.Full {
		if f.PerMessage == perMessage {
			return f, true
		}
	}
	return Full{}, false
}

// Used sums the counts of an operation on the resources with the suffix, such as
// -ingest. With a * at its end, operation is a prefix.
func Used(lines []usage.Line, service, operation, resourceSuffix string) (sum usage.Count) {
	prefix, isPrefix := strings.CutSuffix(operation, "*")
	for _, l := range lines {
		if l.Service == service && (l.Operation == operation || isPrefix && strings.HasPrefix(l.Operation, prefix)) && strings.HasSuffix(l.Resource, resourceSuffix) {
			sum = sum.Plus(l.Count)
		}
	}
	return sum
}

// sizes are what one event or message is worth, from a run at full speed.
type sizes struct {
	message     float64 // bytes of a published message, attributes included
	events      float64 // in a message
	kept        float64 // share of events that are valid
	lakeShare   float64 // share of messages that go to the lake
	recordUnits float64 // of Firehose's 5 KB, for a record
	packed      float64 // bytes of an event in a pack of the validator
	masked      float64 // and of the masker
	lake        float64 // bytes of an event in the lake
	errors      float64 // and among the records that could not be converted
	partial     float64 // and in a partial
	quarantine  float64 // and in the quarantine, spread over all events
	wire        float64 // bytes of SQS's HTTP bodies for a byte of payload received
	rejected    float64 // share of events that are quarantined and told of
	categories  float64
	cpu         float64 // seconds of one core for an event
	logLine     float64
	final       float64 // bytes of a final, for a window
}

func (f Full) sizes() sizes {
	ratio := func(a, b int64) float64 { return float64(a) / float64(max(b, 1)) }
	published := Used(f.Usage, "sns", "PublishBatch", "-events")
	toLake := Used(f.Usage, "sns", "deliver firehose", "-events")
	records := Used(f.Usage, "firehose", "*", "")
	received := Used(f.Usage, "sqs", "ReceiveMessage", "-ingest")
	return sizes{
		message: ratio(published.Payload, published.Messages), events: ratio(f.Events, f.Messages), kept: ratio(f.Valid, f.Events),
		lakeShare: ratio(toLake.Messages, published.Messages), recordUnits: ratio(records.Units, records.Messages),
		packed:     ratio(Used(f.Usage, "sqs", "SendMessageBatch", "-valid").Payload, f.Valid),
		masked:     ratio(Used(f.Usage, "sqs", "SendMessageBatch", "-masked").Payload, f.Valid),
		lake:       ratio(Used(f.Usage, "s3", "PutObject", "/data").Payload, f.Events),
		errors:     ratio(Used(f.Usage, "s3", "PutObject", "/errors").Payload, f.Events),
		partial:    ratio(Used(f.Usage, "s3", "PutObject", "/partials").Payload, f.Valid),
		quarantine: ratio(Used(f.Usage, "s3", "PutObject", "/quarantine").Payload, f.Events),
		wire:       ratio(received.Wire, received.Payload),
		rejected:   ratio(f.Quarantined, f.Events), categories: float64(f.Categories),
		cpu: f.CPUSeconds / float64(f.Events), logLine: float64(f.LogLineBytes),
		final: ratio(f.FinalBytes, f.FinalWindows),
	}
}

// CPUMicros is the processor time of an event in µs.
func (f Full) CPUMicros() float64 { return f.CPUSeconds / float64(f.Events) * 1e6 }

// EventBytes is the size of an event as it is published, with its part of the
// message's attributes.
func (f Full) EventBytes() float64 { z := f.sizes(); return z.message / z.events }
