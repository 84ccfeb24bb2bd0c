package firehose

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"
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
	// converted says that outputs are what is left to be written of the buffer.
	converted bool
	outputs   []output
}

// output is an object that has still to be written.
type output struct {
	key     string
	content []byte
}

// stream delivers in one goroutine; Flush and Close deliver in their caller's.
type stream struct {
	Stream
	put Put
	log zerolog.Logger

	mu      sync.Mutex
	open    *buffer   // is being filled; nil when there is nothing
	waiting []*buffer // for delivery, the oldest first
	room    chan struct{}
	records int // that were acknowledged
	closed  bool
	timer   *time.Timer // seals the open buffer

	delivering chan struct{} // holds one token: the right to deliver
	wake       chan struct{} // something waits for delivery
	stop       context.CancelFunc
	stopped    chan struct{}
}

func start(config Stream, put Put, log zerolog.Logger) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	d := &stream{
		Stream: config, put: put, log: log.With().Str("delivery_stream", config.Name).Logger(),
		room: make(chan struct{}), delivering: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		stop: cancel, stopped: make(chan struct{}),
	}
	d.delivering <- struct{}{}
	go d.run(ctx)
	return d
}

// await waits for room, until ctx ends or the stream is closed.
func (d *stream) await(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.waiting) >= maxWaiting && !d.closed {
		room := d.room
		d.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		d.mu.Lock()
		if ctx.Err() != nil {
			return unavailable("Slow down: %d buffers wait for delivery.", len(d.waiting))
		}
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
	select {
	case d.wake <- struct{}{}:
	default:
	}
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
	pause := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		for {
			err := d.deliver(ctx)
			if err == nil || ctx.Err() != nil {
				pause = firstRetry
				break
			}
			d.log.Error().Err(err).Dur("retry_in_ms", pause).Msg("delivery failed")
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, lastRetry)
		}
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
	d.makeRoom()
	d.mu.Unlock()
	d.stop()
	<-d.stopped
	return d.flush(ctx)
}

// makeRoom lets those go on that wait to add records. d.mu is held.
func (d *stream) makeRoom() {
	close(d.room)
	d.room = make(chan struct{})
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
	for {
		d.mu.Lock()
		if len(d.waiting) == 0 {
			d.mu.Unlock()
			return nil
		}
		first := d.waiting[0]
		d.mu.Unlock()
		if err := d.deliverOne(ctx, first); err != nil {
			return err
		}
		d.mu.Lock()
		d.waiting = d.waiting[1:]
		d.makeRoom()
		d.mu.Unlock()
	}
}

// deliverOne converts a buffer, once, and writes its objects, each until it has
// succeeded. The keys stay the same over all attempts.
func (d *stream) deliverOne(ctx context.Context, b *buffer) (err error) {
	b.attempts++
	if !b.converted {
		if b.outputs, err = d.convert(b); err != nil {
			return err
		}
		b.converted = true
	}
	for len(b.outputs) > 0 {
		if err := d.put(ctx, d.Bucket, b.outputs[0].key, b.outputs[0].content); err != nil {
			return fmt.Errorf("write an object: %w", err)
		}
		b.outputs = b.outputs[1:]
	}
	return nil
}

// convert makes an object of the good records, and one of the bad ones.
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
	name := objectName(d.Name, oldest)
	if object != nil {
		prefix, err := expand(d.Prefix, oldest, false)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, output{prefix + name + ".parquet", object})
	}
	if len(bad) == 0 {
		return outputs, nil
	}
	prefix, err := expand(d.ErrorPrefix, oldest, true)
	if err != nil {
		return nil, err
	}
	var lines []byte
	for _, fault := range bad {
		if lines, err = appendFailed(lines, &b.records[fault.Index], fault, b.attempts); err != nil {
			return nil, err
		}
	}
	return append(outputs, output{prefix + name, lines}), nil
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

func appendFailed(to []byte, r *record, fault Bad, attempts int) ([]byte, error) {
	line, err := json.Marshal(failedRecord{
		AttemptsMade: attempts, ArrivalTimestamp: r.at.UnixMilli(),
		LastErrorCode: fault.Code, LastErrorMessage: fault.Message,
		AttemptEndingTimestamp: time.Now().UnixMilli(),
		RawData:                r.data, SequenceNumber: strconv.Itoa(r.number),
	})
	if err != nil {
		return nil, fmt.Errorf("describe a record that could not be converted: %w", err)
	}
	return append(append(to, line...), '\n'), nil
}
