package cost

import (
	"math"
	"time"

	"github.com/headcount-etl/headcount/local/standin/usage"
)

// Check is what the arithmetic says of a paced run, beside what was counted.
type Check struct {
	What             string
	Derived, Counted float64 // in the whole run
}

// Checks works a paced run out by the same arithmetic as a bill.
func (c Counted) Checks(p Paced) []Check {
	full, _ := c.run(1)
	z := full.sizes()
	// All events of a paced run are valid, and consented to.
	z.kept, z.lakeShare, z.rejected, z.events = 1, 1, 0, 1
	one := Service{VCPU: 1, Min: 1, Max: 1}
	last := one
	last.Flush = time.Duration(p.FlushSeconds * float64(time.Second))
	last.Refresh = time.Duration(p.RefreshSeconds * float64(time.Second))
	r := steady(Load{p.MessagesPerSecond, 1}, z, [3]Service{one, one, last}, Stack{Buffer: 10 * time.Second, BufferBytes: 64 << 20})

	counted := func(service, operation, resource string) usage.Count {
		return Used(p.Usage, service, operation, resource)
	}
	found := func(queue string) float64 {
		n := counted("sqs", "ReceiveMessage", queue)
		return float64(n.Requests - n.Empty)
	}
	requests := func(service, operation, resource string) float64 {
		return float64(counted(service, operation, resource).Requests)
	}
	return []Check{
		{"receives of the validator", r.Stages[0].Receives * p.Seconds, found("-ingest")},
		{"deletes of the validator", r.Stages[0].Deletes * p.Seconds, requests("sqs", "DeleteMessageBatch", "-ingest")},
		{"sends of the validator", r.Stages[0].Sends * p.Seconds, requests("sqs", "SendMessageBatch", "-valid")},
		{"receives of the masker", r.Stages[1].Receives * p.Seconds, found("-valid")},
		{"deletes of the masker", r.Stages[1].Deletes * p.Seconds, requests("sqs", "DeleteMessageBatch", "-valid")},
		{"sends of the masker", r.Stages[1].Sends * p.Seconds, requests("sqs", "SendMessageBatch", "-masked")},
		{"receives of the aggregator", r.Aggregator.Receives * p.Seconds, found("-masked")},
		{"deletes of the aggregator", r.Aggregator.Deletes * p.Seconds, requests("sqs", "DeleteMessageBatch", "-masked")},
		{"partials written", r.PartialPuts * p.Seconds, requests("s3", "PutObject", "/partials")},
		{"partials read", r.PartialGets * p.Seconds, requests("s3", "GetObject", "/partials")},
		{"finals messages sent", r.Aggregator.Sends * p.Seconds, requests("sqs", "SendMessageBatch", "-finals")},
		{"finals messages received", r.Finals.Receives * p.Seconds, found("-finals")},
		{"looks at a final", r.Heads * p.Seconds, requests("s3", "HeadObject", "/headcounts")},
		{"finals written", r.FinalPuts * p.Seconds, requests("s3", "PutObject", "/headcounts")},
		{"listings of partials", r.Lists * p.Seconds, requests("s3", "ListObjectsV2", "/partials")},
	}
}

// Agrees tells whether the two are within 30 % and 4 of each other: a run of
// seconds cuts an interval in two at either end.
func (c Check) Agrees() bool {
	return math.Abs(c.Derived-c.Counted) <= 4+0.3*max(c.Derived, c.Counted)
}
