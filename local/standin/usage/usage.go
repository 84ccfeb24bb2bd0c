// Package usage counts what AWS would bill of the requests that the stand-in
// answers: requests, billing units, messages and bytes, by service, operation
// and resource. It knows no prices.
//
// What a unit is depends on the service:
//
//   - SQS and SNS bill a request for each 64 KiB that it carries, and at least
//     one (https://aws.amazon.com/sqs/pricing/, https://aws.amazon.com/sns/pricing/).
//     A batch is one request; what it carries is the sum of its messages.
//   - Firehose bills each record rounded up to 5 KB
//     (https://aws.amazon.com/firehose/pricing/).
//   - S3 bills requests (https://aws.amazon.com/s3/pricing/).
package usage

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// The sizes of a billing unit in bytes.
const (
	MessageChunk = 64 << 10 // of SQS and SNS
	RecordChunk  = 5 << 10  // of Firehose
)

// Units gives the billing units of a payload of so many bytes: begun chunks, and
// at least one.
func Units(payload, chunk int64) int64 { return max(1, (payload+chunk-1)/chunk) }

// Key names what was used.
type Key struct {
	Service   string `json:"service"`   // sqs, sns, firehose, s3
	Operation string `json:"operation"` // AWS's name, such as SendMessageBatch; "deliver sqs" for what SNS does by itself
	// Resource is the queue, topic or stream, or the bucket and the first folder
	// of the object's key, such as aggregates/partials. Empty where there is none.
	Resource string `json:"resource,omitempty"`
}

// Count is how much of it.
type Count struct {
	Requests int64 `json:"requests"` // refused ones too: AWS bills most of them
	Units    int64 `json:"units"`    // see the package's comment; 0 where requests are billed as they are
	Empty    int64 `json:"empty,omitempty"`
	// Messages, or records, or objects.
	Messages int64 `json:"messages,omitempty"`
	// Payload is the bytes that limits and bills count: bodies with attributes,
	// records, objects.
	Payload int64 `json:"payload,omitempty"`
	// Wire is the bytes of the HTTP bodies, request and answer, where they differ
	// from the payload.
	Wire int64 `json:"wire,omitempty"`
}

// Plus gives the sum of two counts.
func (c Count) Plus(more Count) Count {
	return Count{
		c.Requests + more.Requests, c.Units + more.Units, c.Empty + more.Empty,
		c.Messages + more.Messages, c.Payload + more.Payload, c.Wire + more.Wire,
	}
}

// Line is one entry of a snapshot.
type Line struct {
	Key
	Count
}

// maxKeys bounds the memory of a stand-in that runs for long: what comes with a
// further resource is counted without its name.
const maxKeys = 4096

// Counters counts. Its methods may be called by any number of goroutines; a nil
// Counters counts nothing.
type Counters struct {
	mu     sync.Mutex
	counts map[Key]*Count
}

// Add adds to what was counted under the key.
func (c *Counters) Add(key Key, n Count) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	count := c.counts[key]
	if count == nil && len(c.counts) >= maxKeys {
		key.Resource = ""
		count = c.counts[key]
	}
	if count == nil {
		if c.counts == nil {
			c.counts = map[Key]*Count{}
		}
		count = new(Count)
		c.counts[key] = count
	}
	*count = count.Plus(n)
}

// Snapshot gives what was counted so far, sorted by key.
func (c *Counters) Snapshot() []Line {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := make([]Line, 0, len(c.counts))
	for _, key := range slices.SortedFunc(maps.Keys(c.counts), compare) {
		lines = append(lines, Line{key, *c.counts[key]})
	}
	return lines
}

func compare(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Resource, b.Resource))
}
