// Package pack carries many events in one SQS message between the services.
//
// A pack is text: base64 (RFC 4648, padded) of one Zstandard frame (RFC 8878)
// of groups. A group holds the events that came from one message of the ingest
// queue:
//
//	uvarint  length of the message id, then the id
//	varint   arrival in milliseconds since the Unix epoch
//	byte     bit 0: replayed; bits 1-2: the message's consent (event.ConsentState)
//	uvarint  number of events, then of each: uvarint index, uvarint length, bytes
//
// So (message id, index), which names an event whatever is delivered twice, and
// the arrival travel with each event through all services. The message
// attributes `encoding` and `count` say what the body is and how many events it
// holds. A body without `encoding` is plain: Open gives it as it is, so that a
// person can put a message into any queue by hand.
package pack

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/queue"
)

// The message attributes of the pipeline.
const (
	// AttributeEncoding is Encoding for a pack and absent for a plain body.
	AttributeEncoding = "encoding"
	// AttributeCount is the number of events in a pack.
	AttributeCount = "count"
	// AttributeKeys describes the key ring that a pack of masked events was
	// made with, without giving the keys away.
	AttributeKeys = "keys"
	// AttributeConsent is set by a publisher: "analytics" or "none".
	AttributeConsent = "consent"
	// AttributeReplay is "true" on what a replay publishes.
	AttributeReplay = "replay"
	// AttributeReceivedAt is the first arrival of a replayed message, in
	// milliseconds since the Unix epoch.
	AttributeReceivedAt = "received_at"
)

// Encoding is the only encoding there is.
const Encoding = "headcount-pack-1"

// maxRaw is how many bytes of events go into one pack. Even where nothing can
// be compressed, base64 of it stays below queue.MaxMessageBytes.
const maxRaw = 180 << 10

// maxDecoded bounds what a body may decompress to, so that a few bytes cannot
// fill the memory: a message of the largest size, compressed sixteen times.
const maxDecoded = 4 << 20

// Origin says where events came from: one message of the ingest queue.
type Origin struct {
	// MessageID is SQS's id of the message.
	MessageID string
	// ReceivedAt is the arrival in milliseconds since the Unix epoch.
	ReceivedAt int64
	// Replay is whether the message was replayed: MAX_AGE is off, and faults
	// are neither kept nor named in an alert again.
	Replay bool
	// Consent is what the publisher said of all events of the message.
	Consent event.ConsentState
}

// Record is one payload of a message. In a pack made by a service that is one
// event; in a plain body it is all of the body, to be framed by the reader,
// with indices counted on from Index.
type Record struct {
	Origin  Origin
	Index   int
	Payload string
}

// encoder and decoder are shared: their EncodeAll and DecodeAll may be called by
// many goroutines, and each would take megabytes of its own.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	// These options are constants that NewWriter accepts: no error can come.
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	return e
})

var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxDecoded))
})

// Open gives the records of a message one after another. They are read as they
// are asked for, so that a pack takes no more memory than its bytes; each call of
// the iterator begins anew. An error says that the body is no pack although its
// attributes say so; then there are no records.
func Open(m *queue.Message) (iter.Seq[Record], error) {
	switch m.Attributes[AttributeEncoding] {
	case "":
		return func(yield func(Record) bool) { yield(Record{Origin: OriginOf(m), Payload: m.Body}) }, nil
	case Encoding:
	default:
		return nil, fmt.Errorf("the message attribute encoding is %q, not %q", shorten(m.Attributes[AttributeEncoding]), Encoding)
	}
	zd, err := decoder()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	frame, err := base64.StdEncoding.DecodeString(m.Body)
	if err != nil {
		return nil, fmt.Errorf("the pack is not base64: %w", err)
	}
	bytes, err := zd.DecodeAll(frame, nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return nil, fmt.Errorf("the pack holds more than %d bytes", maxDecoded)
	} else if err != nil {
		return nil, fmt.Errorf("the pack is not Zstandard: %w", err)
	}
	raw, count := string(bytes), 0
	if !readGroups(raw, func(Record) bool { count++; return count <= event.MaxEvents }) {
		return nil, errors.New("the pack is cut off or damaged")
	}
	if count > event.MaxEvents {
		return nil, fmt.Errorf("the pack holds more than %d events", event.MaxEvents)
	}
	if said := m.Attributes[AttributeCount]; said != strconv.Itoa(count) {
		return nil, fmt.Errorf("the pack holds %d events, its attribute count says %q", count, shorten(said))
	}
	return func(yield func(Record) bool) { readGroups(raw, yield) }, nil
}

// shorten keeps a stranger's text short in an error.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// OriginOf reads what a message says of itself: the origin of its events where
// strangers fill the queue, whatever a pack of theirs may say. Attributes that make no sense
// are as good as absent: the message is then treated as a fresh one.
func OriginOf(m *queue.Message) Origin {
	o := Origin{MessageID: m.ID, ReceivedAt: m.SentAt.UnixMilli()}
	switch m.Attributes[AttributeConsent] {
	case "analytics":
		o.Consent = event.ConsentAnalytics
	case "none":
		o.Consent = event.ConsentNone
	}
	if m.Attributes[AttributeReplay] == "true" {
		o.Replay = true
		if at, err := strconv.ParseInt(m.Attributes[AttributeReceivedAt], 10, 64); err == nil {
			o.ReceivedAt = at
		}
	}
	return o
}

// readGroups yields what Writer.group wrote until yield says no, and reports
// whether what it has read is whole.
func readGroups(raw string, yield func(Record) bool) bool {
	r := reader{rest: raw}
	for r.rest != "" && !r.failed {
		o := Origin{MessageID: r.text()}
		o.ReceivedAt = r.varint()
		if flags := r.bytes(1); flags != "" {
			o.Replay, o.Consent = flags[0]&1 != 0, event.ConsentState(flags[0]>>1&3)
		}
		for n := r.uvarint(); n > 0; n-- {
			record := Record{Origin: o, Index: int(r.uvarint()), Payload: r.text()} //nolint:gosec // written from an int
			if r.failed {
				return false
			}
			if !yield(record) {
				return true
			}
		}
	}
	return !r.failed
}

type reader struct {
	rest   string
	failed bool
}

func (r *reader) bytes(n uint64) string {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.bytes(1)
		if r.failed {
			return 0
		}
		v |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			return v
		}
	}
	r.failed = true
	return 0
}

// varint undoes the zigzag encoding of binary.AppendVarint.
func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1) //nolint:gosec // the same 64 bits
}

func (r *reader) text() string { return r.bytes(r.uvarint()) }

// Pack is a message to be.
type Pack struct {
	// Body is the text of the message.
	Body string
	// Passed are the attributes that go with the body besides those of the pack
	// itself.
	Passed map[string]string
	// Count is the number of events in it.
	Count int
	// First and Last are the sources (see Writer.Add) whose events it holds:
	// when sending it fails, these have failed.
	First, Last int
}

// Attributes are the message attributes that go with the body.
func (p *Pack) Attributes() map[string]string {
	all := map[string]string{AttributeEncoding: Encoding, AttributeCount: strconv.Itoa(p.Count)}
	maps.Copy(all, p.Passed)
	return all
}

// Foreign gives those of a message's attributes that this package does not read,
// in a map of the caller's own; nil where there are none.
func Foreign(attributes map[string]string) (foreign map[string]string) {
	for name, value := range attributes {
		switch name {
		case AttributeEncoding, AttributeCount, AttributeConsent, AttributeReplay, AttributeReceivedAt:
			continue
		}
		if foreign == nil {
			foreign = map[string]string{}
		}
		foreign[name] = value
	}
	return foreign
}

// Writer collects events into packs. It is for one goroutine; Close makes it
// ready for the next batch. The zero Writer is ready.
type Writer struct {
	packs       []Pack
	raw         []byte // the groups of the open pack, but for the last
	members     []byte // the events of the last group
	origin      Origin
	inGroup     int
	count       int
	first, last int
	attributes  map[string]string
}

// Attributes sets the attributes of the packs of what is added from now on.
// Events with different ones never share a pack. The caller must not change the
// map any more.
func (w *Writer) Attributes(attributes map[string]string) {
	if w.count > 0 && !maps.Equal(w.attributes, attributes) {
		w.finish()
	}
	w.attributes = attributes
}

// Add adds one event. source is the caller's number of the message that the
// event came in; it must not fall from one call to the next.
func (w *Writer) Add(source int, o Origin, index int, payload []byte) {
	if w.count > 0 && len(w.raw)+len(w.members)+len(payload) > maxRaw {
		w.finish()
	}
	if w.count == 0 {
		w.first = source
	}
	if w.inGroup == 0 || w.origin != o {
		w.group()
		w.origin = o
	}
	w.members = binary.AppendUvarint(w.members, uint64(index)) //nolint:gosec // never negative
	w.members = binary.AppendUvarint(w.members, uint64(len(payload)))
	w.members = append(w.members, payload...)
	w.inGroup++
	w.count++
	w.last = source
}

// group closes the group that is open, if one is.
func (w *Writer) group() {
	if w.inGroup == 0 {
		return
	}
	w.raw = binary.AppendUvarint(w.raw, uint64(len(w.origin.MessageID)))
	w.raw = append(w.raw, w.origin.MessageID...)
	w.raw = binary.AppendVarint(w.raw, w.origin.ReceivedAt)
	flags := byte(w.origin.Consent) << 1
	if w.origin.Replay {
		flags |= 1
	}
	w.raw = append(w.raw, flags)
	w.raw = binary.AppendUvarint(w.raw, uint64(w.inGroup)) //nolint:gosec // never negative
	w.raw = append(w.raw, w.members...)
	w.members, w.inGroup = w.members[:0], 0
}

// finish closes the pack that is open.
func (w *Writer) finish() {
	w.group()
	frame := encoder().EncodeAll(w.raw, nil)
	w.packs = append(w.packs, Pack{Body: base64.StdEncoding.EncodeToString(frame), Passed: w.attributes, Count: w.count, First: w.first, Last: w.last})
	w.raw, w.count = w.raw[:0], 0
}

// Close gives the packs of everything added since the last Close.
func (w *Writer) Close() []Pack {
	if w.count > 0 {
		w.finish()
	}
	packs := w.packs
	w.packs = nil
	return packs
}
