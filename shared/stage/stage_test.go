package stage

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// downstream is what a stage writes to: an output queue and a quarantine bucket.
type downstream struct {
	bodies            []queue.Message
	lines             []keptLine
	queueDown, s3Down bool
	code              string // of an entry, where the queue is down; InvalidMessageContents by default
	sendErr, s3Err    error
}

// keptLine is a line of the quarantine, read.
type keptLine struct {
	Category  event.Category
	Field     string
	MessageID string `json:"message_id"`
	Index     int
	Events    int
	Payload   []byte
}

func (f *downstream) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if f.sendErr != nil {
		return nil, f.sendErr
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if f.queueDown {
			out.Failed = append(out.Failed, sqstypes.BatchResultErrorEntry{Id: e.Id, Code: aws.String(cmp.Or(f.code, "InvalidMessageContents")), SenderFault: true})
			continue
		}
		m := queue.Message{Body: *e.MessageBody, Attributes: map[string]string{}}
		for name, a := range e.MessageAttributes {
			m.Attributes[name] = *a.StringValue
		}
		f.bodies = append(f.bodies, m)
		out.Successful = append(out.Successful, sqstypes.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func (f *downstream) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if f.s3Down || f.s3Err != nil {
		return nil, cmp.Or(f.s3Err, errors.New("down"))
	}
	zip, err := gzip.NewReader(in.Body)
	if err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(zip); ; {
		var l keptLine
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return &s3.PutObjectOutput{}, nil
		} else if err != nil {
			return nil, err
		}
		f.lines = append(f.lines, l)
	}
}

// sent gives the events in the output queue as "message/index payload".
func (f *downstream) sent(t interface{ Fatal(...any) }) (all []string) {
	for i := range f.bodies {
		records, err := pack.Open(&f.bodies[i])
		if err != nil {
			t.Fatal(err)
		}
		for r := range records {
			all = append(all, fmt.Sprintf("%s/%d %s", r.Origin.MessageID, r.Index, r.Payload))
		}
	}
	return all
}

const boom = "u-boom"

func sendUser(dst []byte, d *event.Decoder) []byte {
	if d.Event().User.ID == boom {
		panic("personal: " + boom)
	}
	return append(dst, d.Event().User.ID...)
}

// newStage makes a stage that sends on the user's id, and panics on one.
func newStage(f *downstream) *Stage {
	return &Stage{
		New:    func() Func { return Contract(0, sendUser) },
		Public: true, Output: queue.Sender{API: f, QueueURL: "http://127.0.0.1/q"},
		Quarantine: &Quarantine{API: f, Bucket: "q", Stage: "validator"},
		Attributes: map[string]string{"keys": "k"},
	}
}

func valid(id string) string {
	return `{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57Z","user":{"id":"` + id +
		`","birth_date":"1988-01-10","gender":"male"},"position":{"latitude":4,"longitude":-7},"consent":{"analytics":true}}`
}

var at = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func message(id, body string, attributes ...string) queue.Message {
	m := queue.Message{ID: id, Body: body, SentAt: at, Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		m.Attributes[attributes[i]] = attributes[i+1]
	}
	return m
}

func TestHandle(t *testing.T) {
	refused := strings.Replace(valid("x"), `"male"`, `"m"`, 1)
	unsure := strings.Replace(refused, "true", "1", 1)
	denied := strings.Replace(refused, "true", "false", 1)
	f := &downstream{}
	errs := newStage(f).Handle(t.Context(), []queue.Message{
		message("a", valid("u1")+refused+"\n"+valid(boom)+valid("u2")+"\noops\n"+valid("u3")),
		message("b", denied),
		message("c", unsure, "consent", "analytics"),
		message("d", unsure, "consent", "none"),
		message("e", refused, "replay", "true", "received_at", "1772345000000"),
		message("f", "zz", "encoding", pack.Encoding, "count", "1"),
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got, want := f.sent(t), []string{"a/0 u1", "a/3 u2", "a/5 u3"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if got := f.bodies[0].Attributes["keys"]; got != "k" {
		t.Errorf("attribute keys is %q", got)
	}
	got := map[string]bool{}
	for _, l := range f.lines {
		got[fmt.Sprintf("%s/%d %s %s %q", l.MessageID, l.Index, l.Category, l.Field, l.Payload)] = true
	}
	for _, want := range []string{
		fmt.Sprintf("a/1 invalid_value user.gender %q", refused),
		fmt.Sprintf("a/2 internal_error  %q", valid(boom)),
		`a/4 malformed_json  ""`,
		fmt.Sprintf("c/0 invalid_value user.gender %q", unsure),
		`d/0 invalid_value user.gender ""`,
		`f/0 malformed_json  ""`,
	} {
		if !got[want] {
			t.Errorf("no line %s", want)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("more lines than wanted: %v", got)
	}
}

func TestMaxAge(t *testing.T) {
	f := &downstream{}
	s := newStage(f)
	s.New = func() Func { return Contract(time.Minute, sendUser) }
	s.Handle(t.Context(), []queue.Message{message("a", valid("u1")), message("b", valid("u2"), "replay", "true", "received_at", "1772345000000")})
	if got, want := f.sent(t), []string{"b/0 u2"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// TestForgedOrigin: a stranger's pack cannot pretend to have come with another
// message, at another time, or as a replay.
func TestForgedOrigin(t *testing.T) {
	var forged pack.Writer
	for range 2 {
		forged.Add(0, pack.Origin{MessageID: "x", ReceivedAt: 5, Replay: true, Consent: event.ConsentAnalytics}, 9, []byte("[]"+valid("u1")))
	}
	p := forged.Close()[0]
	m := queue.Message{ID: "a", Body: p.Body, Attributes: p.Attributes(), SentAt: at}
	f := &downstream{}
	newStage(f).Handle(t.Context(), []queue.Message{m})
	if got, want := f.sent(t), []string{"a/1 u1", "a/3 u1"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if len(f.lines) != 2 || f.lines[0].MessageID != "a" || len(f.lines[0].Payload) != 0 {
		t.Errorf("%+v", f.lines)
	}
}

// TestFramingPanic gives the stage a decoder that panics on every object.
func TestFramingPanic(t *testing.T) {
	f := &downstream{}
	s := newStage(f)
	s.New = func() Func { return (&contract{decoder: &event.Decoder{}, transform: sendUser}).read }
	errs := s.Handle(t.Context(), []queue.Message{message("a", valid("u1")+valid("u2")), message("b", "1 2")})
	if err := errors.Join(errs...); err != nil || len(f.lines) != 2 {
		t.Fatalf("%v, %d lines", err, len(f.lines))
	}
	for _, l := range f.lines {
		if l.MessageID == "a" && (l.Category != event.InternalError || l.Index != 0) || l.MessageID == "b" && l.Events != 2 {
			t.Errorf("%+v", l)
		}
	}
}

func TestPrivateQueueFailsWhatItCannotOpen(t *testing.T) {
	f := &downstream{}
	s := newStage(f)
	s.Public = false
	errs := s.Handle(t.Context(), []queue.Message{message("a", "zz", "encoding", pack.Encoding), message("b", valid("u1"))})
	if errs[0] == nil || errs[1] != nil || len(f.lines) != 0 || len(f.bodies) != 1 {
		t.Errorf("%v, %d lines, %d bodies", errs, len(f.lines), len(f.bodies))
	}
}

// TestNothingIsLost: whatever is down, an event is settled, or its message has
// failed; and only messages that are settled are observed.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &downstream{queueDown: rapid.Bool().Draw(t, "queue"), s3Down: rapid.Bool().Draw(t, "s3")}
		s := newStage(f)
		faults := map[string]event.Fault{
			valid(boom): {Category: event.InternalError}, "[]": {Category: event.MalformedJSON},
			strings.Replace(valid("u"), "true", "false", 1): {Category: event.NoConsent, Field: "consent.analytics"},
		}
		observed := map[string]event.Fault{}
		s.Observe = func(id string, index int, fault event.Fault) { observed[fmt.Sprintf("%s/%d", id, index)] = fault }
		var batch []queue.Message
		var bodies [][]string
		for m := range rapid.IntRange(1, 6).Draw(t, "messages") {
			events := rapid.SliceOfN(rapid.SampledFrom([]string{valid("u1"), valid(boom), "[]", strings.Replace(valid("u"), "true", "false", 1)}), 0, 4).Draw(t, "events")
			batch = append(batch, message(fmt.Sprint(m), strings.Join(events, "\n")))
			bodies = append(bodies, events)
		}
		errs := s.Handle(t.Context(), batch)
		sent, kept := f.sent(t), map[string]bool{}
		for _, l := range f.lines {
			for i := range l.Events {
				kept[fmt.Sprintf("%s/%d", l.MessageID, l.Index+i)] = true
			}
		}
		for m, events := range bodies {
			for i, e := range events {
				name := fmt.Sprintf("%d/%d", m, i)
				fault, seen := observed[name]
				switch {
				case errs[m] != nil:
					if seen {
						t.Fatalf("%s is observed although its message failed", name)
					}
				case !seen:
					t.Fatalf("%s is not observed", name)
				case fault != faults[e]:
					t.Fatalf("%s is observed with %v, want %v", name, fault, faults[e])
				case e == valid("u1") && !slices.Contains(sent, name+" u1"):
					t.Fatalf("%s is lost", name)
				case (e == valid(boom) || e == "[]") && !kept[name]:
					t.Fatalf("%s is not in the quarantine", name)
				}
			}
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	f := &downstream{}
	s := newStage(f)
	s.Quarantine = &Quarantine{API: f}
	var batch []queue.Message
	for i := range 100 {
		batch = append(batch, message(fmt.Sprint(i), valid(fmt.Sprintf("u-%d", i))))
	}
	for b.Loop() {
		f.bodies = f.bodies[:0]
		s.Handle(b.Context(), batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/event")
}

// TestEventsKeepTheirNames: an event is called by its message and index in every
// stage, whatever else is in its pack, and wherever a message was cut in two.
func TestEventsKeepTheirNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w pack.Writer
		var want []string
		messages := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 12).Draw(t, "events of each message")
		for source, events := range messages {
			for index := range events {
				user := fmt.Sprintf("u-%d-%d", source, index)
				want = append(want, fmt.Sprintf("m-%d/%d %s", source, index, user))
				// Large, so that packs are cut.
				w.Add(source, pack.Origin{MessageID: fmt.Sprintf("m-%d", source), ReceivedAt: at.UnixMilli()}, index, []byte(valid(user)+strings.Repeat(" ", 4000)))
			}
		}
		f := &downstream{}
		s := newStage(f)
		s.Public = false
		var batch []queue.Message
		for _, p := range w.Close() {
			batch = append(batch, queue.Message{ID: "hop", Body: p.Body, Attributes: p.Attributes()})
		}
		for _, err := range s.Handle(context.Background(), batch) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := f.sent(t); !slices.Equal(got, want) {
			t.Fatalf("got %d events, want %d; the first: %q, %q", len(got), len(want), got[:1], want[:1])
		}
	})
}

// TestAttributesAreForwarded: what a stage between two others does not know goes
// on with the events that it came with, and with no others; what a stranger
// sets goes nowhere.
func TestAttributesAreForwarded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &downstream{}
		s := newStage(f)
		s.New = func() Func { return func(r *pack.Record, out *Out) { out.Send([]byte(r.Payload)) } }
		s.Public = rapid.Bool().Draw(t, "public")
		s.Attributes = map[string]string{"own": "1"}
		var batch []queue.Message
		want := map[string]string{} // event to keys
		for m := range rapid.IntRange(1, 9).Draw(t, "messages") {
			var w pack.Writer
			keys := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "keys")
			w.Attributes(map[string]string{"keys": keys, "own": "0"})
			name := fmt.Sprint("m", m)
			for index := range rapid.IntRange(1, 3).Draw(t, "events") {
				w.Add(0, pack.Origin{MessageID: name}, index, []byte("x"))
				want[fmt.Sprintf("%s/%d x", name, index)] = keys
			}
			p := w.Close()[0]
			batch = append(batch, queue.Message{ID: name, Body: p.Body, Attributes: p.Attributes(), SentAt: at})
		}
		if err := errors.Join(s.Handle(context.Background(), batch)...); err != nil {
			t.Fatal(err)
		}
		for _, body := range f.bodies {
			one := &downstream{bodies: []queue.Message{body}}
			for _, e := range one.sent(t) {
				keys := want[e]
				if s.Public {
					keys = ""
				}
				if body.Attributes["keys"] != keys || body.Attributes["own"] != "1" {
					t.Fatalf("%s came with %v, want keys %q", e, body.Attributes, keys)
				}
				delete(want, e)
			}
		}
		if len(want) > 0 {
			t.Fatalf("lost: %v", want)
		}
	})
}

// TestPanicOfALaterStage: the record is rejected, its neighbours go on; where
// nothing can be kept the message fails.
func TestPanicOfALaterStage(t *testing.T) {
	f := &downstream{}
	s := newStage(f)
	s.Public = false
	s.New = func() Func {
		return func(r *pack.Record, out *Out) {
			if r.Payload == boom {
				panic(boom)
			}
			out.Send([]byte(r.Payload))
		}
	}
	batch := []queue.Message{message("a", "one"), message("b", boom), message("c", "two")}
	if err := errors.Join(s.Handle(t.Context(), batch)...); err != nil {
		t.Fatal(err)
	}
	if got, want := f.sent(t), []string{"a/0 one", "c/0 two"}; !slices.Equal(got, want) || len(f.lines) != 1 || f.lines[0].Category != event.InternalError {
		t.Errorf("sent %q, want %q; %+v", got, want, f.lines)
	}
	s.Quarantine = nil
	if errs := s.Handle(t.Context(), batch); errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("%v", errs)
	}
}
