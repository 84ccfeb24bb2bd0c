// Package publish sends events to the pipeline's topic as an app's backend
// would: many events in a message, many messages in a call, and the users'
// consent as a message attribute.
package publish

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
)

const (
	// maxLine is the longest line that is looked at; nothing near it can be
	// published.
	maxLine = 16 << 20
	// callers is how many calls to SNS are under way at once.
	callers = 4
)

// API is what this package calls of *sns.Client.
type API interface {
	PublishBatch(ctx context.Context, in *sns.PublishBatchInput, opts ...func(*sns.Options)) (*sns.PublishBatchOutput, error)
}

// Counts is what was published, in events as the contract frames them, valid or
// not.
type Counts struct {
	// Events is the number of events.
	Events int64 `json:"events"`
	// NoConsent is how many of them are in messages with consent=none.
	NoConsent int64 `json:"no_consent"`
	// Messages is the number of messages.
	Messages int64 `json:"messages"`
}

// Partial reports whether an error of Publish says of nothing but lines that were left
// out, or that could not be read: all others are published.
func Partial(err error) bool {
	_, ok := err.(partial) //nolint:errorlint // the very error that Publish gives
	return ok
}

// partial joins a *LineError for each line that was left out, and an *InputError.
type partial struct{ error }

func (e partial) Unwrap() error { return e.error }

// Publisher publishes events to one topic.
type Publisher struct {
	API      API
	TopicARN string
	// PerMessage is the most events that one message holds; at least 1.
	PerMessage int
	// Ready, if set, is called before each call to SNS: it blocks while the
	// pipeline has enough to do.
	Ready func(context.Context) error
	// Faulty, if set, is called for each event that breaks the contract, as far
	// as can be seen before it is published, with its line (from 1).
	Faulty func(line int, fault event.Fault)
}

// LineError says why a line of the input was not published.
type LineError struct {
	Line  int // from 1
	Cause string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("line %d was not published: %s", e.Line, e.Cause)
}

// Publish reads newline-delimited events and publishes them. A line that SNS cannot
// carry is left out, and an input that cannot be read to its end is published as
// far as whole lines of it can; then the error joins a *LineError for each line left
// out and an *InputError. Any other error ends the publishing where it occurs.
func (p *Publisher) Publish(ctx context.Context, r io.Reader) (Counts, error) {
	lines := bufio.NewReaderSize(r, headBytes)
	group, ctx := errgroup.WithContext(ctx)
	b := &batcher{ctx: ctx, perMessage: p.PerMessage, decoder: event.NewDecoder(), faulty: p.Faulty, calls: make(chan call)}
	for range callers {
		group.Go(func() error { return p.send(ctx, b.calls) })
	}
	var faults []error
	group.Go(func() error {
		defer close(b.calls)
		for n := 1; ; n++ {
			line, err := readLine(lines)
			var long *LineError
			switch {
			case errors.Is(err, io.EOF):
				return b.finish()
			case err != nil && !errors.As(err, &long) && ctx.Err() == nil:
				faults = append(faults, &InputError{Line: n, Cause: inputCause(err)})
				return b.finish()
			}
			if err == nil {
				err = b.line(n, line)
			}
			if errors.As(err, &long) {
				long.Line = n
				faults = append(faults, long)
				continue
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
	})
	if err := group.Wait(); err != nil {
		return b.counts, errors.Join(append(faults, err)...)
	}
	if faults != nil {
		return b.counts, partial{errors.Join(faults...)}
	}
	return b.counts, nil
}

// readLine reads a line without its newline. A line over maxLine is skipped,
// with a *LineError.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte // of what did not fit into the buffer
	size := 0
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && line == nil {
			return string(part[:len(part)-1]), nil
		}
		size += len(part)
		if size <= maxLine {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (!errors.Is(err, io.EOF) || size == 0) {
			return "", err
		}
		if size > maxLine {
			return "", &LineError{Cause: fmt.Sprintf("it has %d bytes", size)}
		}
		return strings.TrimSuffix(string(line), "\n"), nil
	}
}

// message is a message being filled. All its events have the same consent, as a
// publisher must see to.
type message struct {
	consent event.ConsentState
	body    strings.Builder
	events  int
}

// batcher turns lines into calls.
type batcher struct {
	ctx        context.Context
	perMessage int
	decoder    *event.Decoder
	faulty     func(line int, fault event.Fault)
	open       [3]message // by consent
	call       call
	calls      chan call
	counts     Counts
	writer     pack.Writer
}

// line adds line n: as a rule one event, but whatever it holds.
func (b *batcher) line(n int, line string) error {
	b.decoder.Reset(line)
	for b.decoder.Next() {
		if b.faulty != nil {
			if fault := b.decoder.Check(event.Arrival{At: time.Now().UnixMilli()}); fault != (event.Fault{}) {
				b.faulty(n, fault)
			}
		}
		if err := b.event(b.decoder.Raw(), b.decoder.Consent(), b.decoder.IsObject()); err != nil {
			return err
		}
	}
	return nil
}

// event adds an event to the message of its consent. What is malformed gets a
// message of its own: together with its neighbours it might mean something else.
// So does what SNS cannot carry as it is: it is packed.
func (b *batcher) event(raw string, consent event.ConsentState, isObject bool) error {
	b.counts.Events++
	if consent == event.ConsentNone {
		b.counts.NoConsent++
	}
	if len(raw)+attributeBytes > maxBytes || !carries(raw) {
		return b.packed(raw, consent)
	}
	if !isObject {
		return b.entry(raw, consent, nil)
	}
	m := &b.open[consent]
	if m.events > 0 && m.body.Len()+1+len(raw)+attributeBytes > maxBytes {
		if err := b.close(m); err != nil {
			return err
		}
	}
	if m.events > 0 {
		m.body.WriteByte('\n')
	}
	m.consent = consent
	m.body.WriteString(raw)
	if m.events++; m.events < b.perMessage {
		return nil
	}
	return b.close(m)
}

// carries reports whether SNS and SQS accept a text as it is: only the characters
// of XML 1.0
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func carries(text string) bool {
	i := 0
	for i < len(text) && text[i] >= 0x20 && text[i] < utf8.RuneSelf {
		i++
	}
	text = text[i:] // as a rule nothing
	for _, r := range text {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return utf8.ValidString(text)
}

// packed sends an event that a plain body cannot carry.
func (b *batcher) packed(raw string, consent event.ConsentState) error {
	b.writer.Add(0, pack.Origin{Consent: consent}, 0, []byte(raw))
	p := b.writer.Close()[0]
	if size := len(p.Body) + attributeBytes; size > maxBytes {
		b.counts.Events--
		if consent == event.ConsentNone {
			b.counts.NoConsent--
		}
		return &LineError{Cause: fmt.Sprintf("an event of %d bytes, and of %d when packed, is over SNS's limit of %d", len(raw), size, maxBytes)}
	}
	return b.entry(p.Body, consent, p.Attributes())
}

// close sends a message on.
func (b *batcher) close(m *message) error {
	body := m.body.String()
	m.body.Reset()
	m.events = 0
	return b.entry(body, m.consent, nil)
}

// entry adds a message to the open call. Every message says who published it, so
// that one whose consent is not known has an attribute too.
func (b *batcher) entry(body string, consent event.ConsentState, attributes map[string]string) error {
	all := map[string]string{"producer": "headcount"}
	maps.Copy(all, attributes)
	if text := map[event.ConsentState]string{event.ConsentAnalytics: "analytics", event.ConsentNone: "none"}[consent]; text != "" {
		all[pack.AttributeConsent] = text
	}
	b.counts.Messages++
	if b.call.add(body, all) {
		return nil
	}
	err := b.flush()
	b.call.add(body, all) // the first of a call always fits
	return err
}

func (b *batcher) flush() error {
	c := b.call
	b.call = call{}
	if len(c.entries) == 0 {
		return nil
	}
	select {
	case b.calls <- c:
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

// finish sends what is open.
func (b *batcher) finish() error {
	for i := range b.open {
		if m := &b.open[i]; m.events > 0 {
			if err := b.close(m); err != nil {
				return err
			}
		}
	}
	return b.flush()
}
