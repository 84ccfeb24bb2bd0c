// Package firehose is a stand-in for Amazon Data Firehose: streams that accept
// records, gather them by size and time, convert them and write objects to a
// bucket.
//
// A record that was acknowledged is delivered as long as the process lives: to
// an object that its stream's conversion made, or to the error prefix. A write
// that fails is tried again until it succeeds, and blocks what comes after it,
// as on AWS; Close delivers what is left. Delivery is exactly once unless a
// write reports an error after all: then it is repeated under the same key.
//
// Records come from topics in this process; there is no API to put them by HTTP. The
// clock is package time alone, so testing/synctest drives it.
package firehose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// MaxRecordBytes is the limit of a record, from the quotas of Amazon Data Firehose.
const MaxRecordBytes = 1000 << 10

// Put writes one object. It must leave what was there, or nothing, when it
// fails.
type Put func(ctx context.Context, bucket, key string, content []byte) error

// Convert makes one object of the records, in their order, and names those that
// cannot be in it. The object is nil when no record is good. An error means
// that the conversion itself failed: it is tried again.
type Convert func(records [][]byte) (object []byte, bad []Bad, err error)

// Bad is a record that could not be converted.
type Bad struct {
	Index   int    // in the records given
	Code    string // such as DataFormatConversion.ParseError
	Message string // without anything of the record's content
}

// Stream says what becomes of the records of one delivery stream.
type Stream struct {
	Name   string
	Bucket string
	// Prefix of the objects and ErrorPrefix of those with the bad records, with
	// AWS's expressions !{timestamp:yyyy}, MM, dd and HH, in ErrorPrefix also
	// !{firehose:error-output-type}.
	Prefix, ErrorPrefix string
	// BufferBytes and BufferInterval say when records are delivered: when there
	// are so many bytes, or the oldest has waited so long.
	BufferBytes    int
	BufferInterval time.Duration
	Convert        Convert
}

// unavailable is a refusal of what may be accepted later.
func unavailable(format string, args ...any) *protocol.Error {
	return &protocol.Error{Code: "ServiceUnavailableException", Message: fmt.Sprintf(format, args...), Status: http.StatusServiceUnavailable}
}

// Service is all streams.
type Service struct {
	// Usage counts the records, unless it is nil. It is set before the first.
	Usage *usage.Counters

	put Put
	log zerolog.Logger

	mu      sync.Mutex
	streams map[string]*stream // by ARN
}

// New starts without streams. The log gets what goes wrong with deliveries.
func New(put Put, log zerolog.Logger) *Service {
	return &Service{put: put, log: log, streams: make(map[string]*stream)}
}

// ARN gives the Amazon resource name of the stream of that name.
func ARN(name string) string { return protocol.ARN("firehose", "deliverystream/"+name) }

// Create adds a stream. Close must be called in the end, and no Create after it.
func (s *Service) Create(config Stream) error {
	if err := config.check(); err != nil {
		return fmt.Errorf("delivery stream %q: %w", config.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[ARN(config.Name)] != nil {
		return fmt.Errorf("delivery stream %q: it exists already", config.Name)
	}
	s.streams[ARN(config.Name)] = start(config, s.put, s.log)
	return nil
}

func (config *Stream) check() error {
	_, prefix := expand(config.Prefix, time.Time{}, false)
	_, errorPrefix := expand(config.ErrorPrefix, time.Time{}, true)
	faults := []error{prefix, errorPrefix}
	fault := func(bad bool, what string) {
		if bad {
			faults = append(faults, errors.New(what))
		}
	}
	fault(config.Name == "" || strings.ContainsAny(config.Name, "/: "), "it needs a name without slashes, colons and spaces")
	fault(config.Bucket == "", "it needs a bucket")
	fault(config.BufferBytes <= 0, "BufferBytes must be positive")
	fault(config.BufferInterval <= 0, "BufferInterval must be positive")
	fault(config.Convert == nil, "it needs a conversion")
	fault(!strings.Contains(config.ErrorPrefix, errorOutputType), "ErrorPrefix must contain "+errorOutputType)
	return errors.Join(faults...)
}

// errorOutputType stands for the only one that there can be here.
const errorOutputType = "!{firehose:error-output-type}"

// expand replaces the expressions of a prefix. The instant is the arrival of the
// oldest record, in UTC. AWS puts the hour after a prefix without an instant; here
// such a prefix is refused.
func expand(prefix string, at time.Time, isError bool) (string, error) {
	expressions := []string{}
	for name, layout := range map[string]string{"yyyy": "2006", "MM": "01", "dd": "02", "HH": "15"} {
		expressions = append(expressions, "!{timestamp:"+name+"}", at.UTC().Format(layout))
	}
	if isError {
		expressions = append(expressions, errorOutputType, "format-conversion-failed")
	}
	expanded := strings.NewReplacer(expressions...).Replace(prefix)
	if _, unknown, ok := strings.Cut(expanded, "!{"); ok {
		return "", fmt.Errorf("the prefix %q has !{%s, which headcount's stand-in does not know there", prefix, unknown)
	}
	if !strings.Contains(prefix, "!{") {
		return "", fmt.Errorf("the prefix %q needs an expression such as !{timestamp:yyyy}, or AWS puts the hour after it", prefix)
	}
	return expanded, nil
}

func (s *Service) stream(arn string) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.streams[arn]; d != nil {
		return d, nil
	}
	return nil, protocol.Refuse("ResourceNotFoundException", "There is no delivery stream %s.", arn)
}

// Has reports whether there is a stream of that resource name. One that there is
// stays.
func (s *Service) Has(arn string) bool {
	_, err := s.stream(arn)
	return err == nil
}

// Await waits while too much waits for delivery. It is an error when ctx ends
// first.
func (s *Service) Await(ctx context.Context, arn string) error {
	d, err := s.stream(arn)
	if err != nil {
		return err
	}
	return d.await(ctx)
}

// Add acknowledges all of the records or, with an error, none. It keeps the
// slices. It never waits: without an Await before it, what the stream holds has
// no bound.
func (s *Service) Add(arn string, records [][]byte) error {
	d, err := s.stream(arn)
	if err != nil {
		return err
	}
	used := usage.Count{Requests: 1, Messages: int64(len(records))}
	for _, record := range records {
		if len(record) > MaxRecordBytes {
			return protocol.Refuse("InvalidArgumentException", "A record must have at most %d bytes.", MaxRecordBytes)
		}
		used.Payload += int64(len(record))
		used.Units += usage.Units(int64(len(record)), usage.RecordChunk)
	}
	if err := d.add(records); err != nil {
		return err
	}
	s.Usage.Add(usage.Key{Service: "firehose", Operation: "PutRecordBatch", Resource: d.Name}, used)
	return nil
}

// FlushAll delivers what the streams have gathered so far, now. When it fails, the
// records are kept and tried again as ever.
func (s *Service) FlushAll(ctx context.Context) error {
	return s.each(func(d *stream) error { return d.flush(ctx) })
}

// Close accepts no more records and delivers those that it has. An error says
// that some of them could not be delivered; they are lost with the process.
func (s *Service) Close(ctx context.Context) error {
	return s.each(func(d *stream) error { return d.close(ctx) })
}

func (s *Service) each(do func(*stream) error) error {
	s.mu.Lock()
	streams := slices.Collect(maps.Values(s.streams))
	s.mu.Unlock()
	var faults []error
	for _, d := range streams {
		faults = append(faults, do(d))
	}
	return errors.Join(faults...)
}
