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
// Service knows nothing of HTTP, and its clock is package time alone, so
// testing/synctest drives it. Handler is the protocol.
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

// The limits of records and batches, from the quotas of Amazon Data Firehose.
const (
	MaxRecordBytes  = 1000 << 10
	MaxBatchBytes   = 4 << 20
	MaxBatchRecords = 500
)

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
	// AWS's expressions !{timestamp:yyyy} (MM, dd, HH), in ErrorPrefix also
	// !{firehose:error-output-type}.
	Prefix, ErrorPrefix string
	// BufferBytes and BufferInterval say when records are delivered: when there
	// are so many bytes, or the oldest has waited so long.
	BufferBytes    int
	BufferInterval time.Duration
	Convert        Convert
}

// The codes of the errors that this package answers.
const (
	InvalidArgument    = "InvalidArgumentException"
	ResourceInUse      = "ResourceInUseException"
	ResourceNotFound   = "ResourceNotFoundException"
	ServiceUnavailable = "ServiceUnavailableException"
)

// unavailable is a refusal of what may be accepted later.
func unavailable(format string, args ...any) *protocol.Error {
	return &protocol.Error{Code: ServiceUnavailable, Message: fmt.Sprintf(format, args...), Status: http.StatusServiceUnavailable}
}

// Service is all streams.
type Service struct {
	// Usage counts the records, unless it is nil. It is set before the first.
	Usage *usage.Counters

	put Put
	log zerolog.Logger

	mu      sync.Mutex
	streams map[string]*stream
	closed  bool
}

// New starts without streams. The log gets what goes wrong with deliveries.
func New(put Put, log zerolog.Logger) *Service {
	return &Service{put: put, log: log, streams: make(map[string]*stream)}
}

// ARN gives the Amazon resource name of the stream of that name.
func ARN(name string) string { return protocol.ARN("firehose", "deliverystream/"+name) }

// Create adds a stream. Close must be called in the end.
func (s *Service) Create(config Stream) error {
	if err := config.check(); err != nil {
		return fmt.Errorf("delivery stream %q: %w", config.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return unavailable("The stand-in is closing.")
	}
	if s.streams[config.Name] != nil {
		return protocol.Refuse(ResourceInUse, "Firehose %s already exists.", config.Name)
	}
	s.streams[config.Name] = start(config, s.put, s.log)
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
	fault(!strings.Contains(config.ErrorPrefix, "!{firehose:error-output-type}"), "ErrorPrefix must contain !{firehose:error-output-type}")
	return errors.Join(faults...)
}

func (s *Service) stream(name string) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.streams[name]; d != nil {
		return d, nil
	}
	return nil, protocol.Refuse(ResourceNotFound, "Firehose %s not found under account %s.", name, protocol.Account)
}

// NameInARN finds the stream that the resource name names.
func (s *Service) NameInARN(arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, ARN(""))
	if !ok {
		return "", protocol.Refuse(InvalidArgument, "%s is not the ARN of a delivery stream here.", arn)
	}
	_, err := s.stream(name)
	return name, err
}

// Await waits while too much waits for delivery. It is an error when ctx ends
// first.
func (s *Service) Await(ctx context.Context, name string) error {
	d, err := s.stream(name)
	if err != nil {
		return err
	}
	return d.await(ctx)
}

// PutRecords is Await and Add.
func (s *Service) PutRecords(ctx context.Context, name string, records [][]byte) error {
	if err := s.Await(ctx, name); err != nil {
		return err
	}
	return s.Add(name, records)
}

// Add acknowledges all of the records or, with an error, none. It keeps the
// slices. It never waits: without an Await before it, what the stream holds has
// no bound.
func (s *Service) Add(name string, records [][]byte) error {
	d, err := s.stream(name)
	if err != nil {
		return err
	}
	used := usage.Count{Requests: 1, Messages: int64(len(records))}
	for _, record := range records {
		if len(record) > MaxRecordBytes {
			return protocol.Refuse(InvalidArgument, "A record must have at most %d bytes.", MaxRecordBytes)
		}
		used.Payload += int64(len(record))
		used.Units += usage.Units(int64(len(record)), usage.RecordChunk)
	}
	if err := d.add(records); err != nil {
		return err
	}
	s.Usage.Add(usage.Key{Service: "firehose", Operation: "PutRecordBatch", Resource: name}, used)
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
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
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
