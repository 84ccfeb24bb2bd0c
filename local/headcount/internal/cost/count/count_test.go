package count

import (
	"math"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/cost"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// TestFull: a fresh run uses, for an event, about what the committed counts say.
// Compression and the number of calls depend on how batches fall, which depends on
// what else the machine does, so there is a tolerance: a share of the larger one.
func TestFull(t *testing.T) {
	committed, err := cost.ReadCounted()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range committed.Full {
		got, err := Full(t.Context(), t.TempDir(), 5000, want.PerMessage)
		if err != nil {
			t.Fatal(err)
		}
		if got.Events < 4500 || got.Events > 5500 || got.Categories < 3 || got.LogLineBytes < 100 || got.FinalBytes < 1000 {
			t.Errorf("%d events, %d categories, log lines of %d bytes, finals of %d", got.Events, got.Categories, got.LogLineBytes, got.FinalBytes)
		}
		for _, c := range []struct {
			what                         string
			service, operation, resource string
			tolerance                    float64 // of bytes, and of units but for what is sent in packs
		}{
			{"published", "sns", "PublishBatch", "-events", 0.1},
			{"delivered to SQS", "sns", "deliver sqs", "-events", 0.1},
			{"delivered to Firehose", "sns", "deliver firehose", "-events", 0.1},
			{"records of Firehose", "firehose", "*", "", 0.1},
			{"received by the validator", "sqs", "ReceiveMessage", "-ingest", 0.2},
			{"sent by the validator", "sqs", "SendMessageBatch", "-valid", 0.4},
			{"sent by the masker", "sqs", "SendMessageBatch", "-masked", 0.6},
			{"in the lake", "s3", "PutObject", "/data", 0.3},
		} {
			a, b := cost.Used(got.Usage, c.service, c.operation, c.resource), cost.Used(want.Usage, c.service, c.operation, c.resource)
			near(t, c.what+", bytes an event", float64(a.Payload)/float64(got.Events), float64(b.Payload)/float64(want.Events), c.tolerance)
			if c.operation == "SendMessageBatch" {
				// How many packs share a call is the machine's affair; what a call costs is not.
				if chunks := a.Payload / usage.MessageChunk; a.Units < max(a.Requests, chunks) || a.Units > a.Requests+chunks {
					t.Errorf("%s: %d units of %d bytes in %d calls", c.what, a.Units, a.Payload, a.Requests)
				}
				continue
			}
			near(t, c.what+", units an event", float64(a.Units)/float64(got.Events), float64(b.Units)/float64(want.Events), c.tolerance)
		}
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*max(got, want) {
		t.Errorf("%s: %.4f, %.4f is committed: `make cost` counts anew", what, got, want)
	}
}

// TestPaced: a fresh run at a steady rate uses what the arithmetic says.
func TestPaced(t *testing.T) {
	committed, err := cost.ReadCounted()
	if err != nil {
		t.Fatal(err)
	}
	paced, err := Paced(t.Context(), t.TempDir(), 20, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if paced.Seconds < 4 {
		t.Errorf("it was published for %.1f s", paced.Seconds)
	}
	for _, check := range committed.Checks(paced) {
		if !check.Agrees() {
			t.Errorf("%s: %.0f derived, %.0f counted", check.What, check.Derived, check.Counted)
		}
	}
}
