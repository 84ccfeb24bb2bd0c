package firehose

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

const (
	// maxWaiting is how many buffers may wait for delivery, beside the one
	// being filled, before Await and PutRecords wait.
	maxWaiting = 4
	// The time between two attempts doubles from the first to the second.
	firstRetry, lastRetry = 100 * time.Millisecond, 10 * time.Second
)

type record struct {
	data   []byte
	at     time.Time // of its arrival
	number int       // counts the records of the stream from 1
}

// buffer is records that will be in one object, or two with the bad ones.
type buffer struct {
	records  []record
	bytes    int
	attempts int
	outputs  []output // what is left to be written of it; nil before it is converted
}

// output is an object that has still to be written.
type output struct {
	key     string
	content []byte
}

// stream delivers in one goroutine; flush and close deliver in their caller's.
type stream struct {
	Stream
	put Put
	log zerolog.Logger

	mu      sync.Mutex
	changed *sync.Cond // of mu: buffers, or an end
	open    *buffer    // is being filled; nil when there is nothing
	waiting []*buffer  // for delivery, the oldest first
	records int        // that were acknowledged
	closed  bool
	timer   *time.Timer // seals the open buffer

	delivering chan struct{} // holds one token: the right to deliver
	stop       context.CancelFunc
	stopped    chan struct{}
}

func start(config Stream, put Put, log zerolog.Logger) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	d := &stream{
		Stream: config, put: put, log: log.With().Str("delivery_stream", config.Name).Logger(),
		delivering: make(chan struct{}, 1), stop: cancel, stopped: make(chan struct{}),
	}
	d.changed = sync.NewCond(&d.mu)
	d.delivering <- struct{}{}
	go d.run(ctx)
	return d
}

// waitWhile waits as long as it is so, until ctx ends. d.mu is held, but not meanwhile.
func (d *stream) waitWhile(ctx context.Context, is func() bool) {
	defer context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.changed.Broadcast()
	})()
	for is() && ctx.Err() == nil {
		d.changed.Wait()
	}
}

// await waits for room, until ctx ends or the stream is closed.
func (d *stream) await(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	full := func() bool { return len(d.waiting) >= maxWaiting && !d.closed }
	if d.waitWhile(ctx, full); full() {
		return unavailable("Slow down: %d buffers wait for delivery.", len(d.waiting))
	}
	return d.refusal()
}

// refusal is the answer of a closed stream to more records. d.mu is held.
func (d *stream) refusal() error {
	if d.closed {
		return unavailable("The stand-in is closing.")
	}
	return nil
}

// add puts the records into the open buffer, whether there is room or not.
func (d *stream) add(records [][]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refusal(); err != nil {
		return err
	}
	now := time.Now()
	for _, data := range records {
		if d.open != nil && d.open.bytes+len(data) > d.BufferBytes {
			d.seal()
		}
		if d.open == nil {
			opened := &buffer{}
			d.open = opened
			d.timer = time.AfterFunc(d.BufferInterval, func() { d.sealIf(opened) })
		}
		d.records++
		d.open.records = append(d.open.records, record{data, now, d.records})
		d.open.bytes += len(data)
	}
	if d.open != nil && d.open.bytes >= d.BufferBytes {
		d.seal()
	}
	return nil
}

// seal ends the open buffer. d.mu is held.
func (d *stream) seal() {
	if d.open == nil {
		return
	}
	d.timer.Stop()
	d.waiting = append(d.waiting, d.open)
	d.open = nil
	d.changed.Broadcast()
}

func (d *stream) sealIf(opened *buffer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == opened {
		d.seal()
	}
}

// run delivers what waits, and tries again what failed.
func (d *stream) run(ctx context.Context) {
	defer close(d.stopped)
	for pause := firstRetry; ctx.Err() == nil; {
		d.mu.Lock()
		d.waitWhile(ctx, func() bool { return len(d.waiting) == 0 })
		d.mu.Unlock()
		err := d.deliver(ctx)
		if err == nil || ctx.Err() != nil {
			pause = firstRetry
			continue
		}
		d.log.Error().Err(err).Dur("retry_in_ms", pause).Msg("delivery failed")
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRetry)
	}
}

func (d *stream) flush(ctx context.Context) error {
	d.mu.Lock()
	d.seal()
	d.mu.Unlock()
	if err := d.deliver(ctx); err != nil {
		return fmt.Errorf("deliver the records of %s: %w", d.Name, err)
	}
	return nil
}

func (d *stream) close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.changed.Broadcast()
	d.mu.Unlock()
	d.stop()
	<-d.stopped
	return d.flush(ctx)
}

// deliver writes the waiting buffers, one after the other, until none is left
// or one fails.
func (d *stream) deliver(ctx context.Context) error {
	select {
	case <-d.delivering:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { d.delivering <- struct{}{} }()
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.waiting) > 0 {
		first := d.waiting[0]
		d.mu.Unlock()
		err := d.deliverOne(ctx, first)
		d.mu.Lock()
		if err != nil {
			return err
		}
		d.waiting = d.waiting[1:]
		d.changed.Broadcast()
	}
	return nil
}

// deliverOne converts a buffer, once, and writes its objects, each until it has
// succeeded. The keys stay the same over all attempts.
func (d *stream) deliverOne(ctx context.Context, b *buffer) (err error) {
	b.attempts++
	if b.outputs == nil {
		if b.outputs, err = d.convert(b); err != nil {
			return err
		}
	}
	for len(b.outputs) > 0 {
		if err := d.put(ctx, d.Bucket, b.outputs[0].key, b.outputs[0].content); err != nil {
			return fmt.Errorf("write an object: %w", err)
		}
		b.outputs = b.outputs[1:]
	}
	return nil
}

// convert makes an object of the good records, and one of the bad ones. Their names
// are as on AWS: the prefix, the stream, its version, the arrival of the oldest
// record and something random.
func (d *stream) convert(b *buffer) (outputs []output, err error) {
	data := make([][]byte, len(b.records))
	for i := range b.records {
		data[i] = b.records[i].data
	}
	object, bad, err := d.Convert(data)
	if err != nil {
		return nil, fmt.Errorf("convert %d records: %w", len(data), err)
	}
	if good := len(data) - len(bad); (object == nil) != (good == 0) {
		return nil, fmt.Errorf("the conversion gave an object of %d bytes for %d good records", len(object), good)
	}
	oldest := b.records[0].at
	prefix, fault := expand(d.Prefix, oldest, false)
	errorPrefix, errorFault := expand(d.ErrorPrefix, oldest, true)
	if err := errors.Join(fault, errorFault); err != nil {
		return nil, err
	}
	name := d.Name + "-1-" + oldest.UTC().Format("2006-01-02-15-04-05-") + uuid.NewString()
	if object != nil {
		outputs = append(outputs, output{prefix + name + ".parquet", object})
	}
	if len(bad) == 0 {
		return outputs, nil
	}
	var lines []byte
	for _, fault := range bad {
		lines = append(append(lines, protocol.JSON(failed(&b.records[fault.Index], fault, b.attempts))...), '\n')
	}
	return append(outputs, output{errorPrefix + name, lines}), nil
}

// failedRecord is a line of an object under the error prefix. The names are
// those of AWS's developer guide, "Handling errors for data format conversion";
// there is no dataCatalogTable because there is no Glue here. Instants are in
// milliseconds since the Unix epoch, the data is base64.
type failedRecord struct {
	AttemptsMade           int    `json:"attemptsMade"`
	ArrivalTimestamp       int64  `json:"arrivalTimestamp"`
	LastErrorCode          string `json:"lastErrorCode"`
	LastErrorMessage       string `json:"lastErrorMessage"`
	AttemptEndingTimestamp int64  `json:"attemptEndingTimestamp"`
	RawData                []byte `json:"rawData"`
	SequenceNumber         string `json:"sequenceNumber"`
	SubSequenceNumber      *int   `json:"subSequenceNumber"`
}

func failed(r *record, fault Bad, attempts int) failedRecord {
	return failedRecord{
		AttemptsMade: attempts, ArrivalTimestamp: r.at.UnixMilli(),
		LastErrorCode: fault.Code, LastErrorMessage: fault.Message,
		AttemptEndingTimestamp: time.Now().UnixMilli(),
		RawData:                r.data, SequenceNumber: strconv.Itoa(r.number),
	}
}
