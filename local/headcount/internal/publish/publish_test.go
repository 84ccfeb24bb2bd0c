package publish

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// topic is an SNS topic that keeps what it accepts, and refuses what SNS would.
type topic struct {
	mu       sync.Mutex
	messages []queue.Message
	calls    int
	// fail says what to do with an entry instead: "" accepts it. It is not asked when
	// a message has failed so often that the publisher would give up.
	fail   func(entry, call int) (code string, senderFault bool)
	failed map[string]int // by body
	down   bool
}

func (f *topic) PublishBatch(_ context.Context, in *sns.PublishBatchInput, _ ...func(*sns.Options)) (*sns.PublishBatchOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.failed == nil {
		f.failed = map[string]int{}
	}
	if f.down {
		return nil, errors.New("down")
	}
	size := 0
	out := &sns.PublishBatchOutput{}
	for i, e := range in.PublishBatchRequestEntries {
		if f.fail != nil && f.failed[*e.Message] < attempts-1 {
			if code, fault := f.fail(i, f.calls); code != "" {
				f.failed[*e.Message]++
				out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: &code, SenderFault: fault, Message: aws.String("why")})
				continue
			}
		}
		m := queue.Message{Body: *e.Message, Attributes: map[string]string{}}
		size += len(*e.Message)
		for name, a := range e.MessageAttributes {
			m.Attributes[name] = *a.StringValue
			size += len(name) + len(*a.DataType) + len(*a.StringValue)
		}
		f.messages = append(f.messages, m)
		out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
	}
	if size > 256<<10 || len(in.PublishBatchRequestEntries) > 10 {
		return nil, fmt.Errorf("%d bytes in %d entries", size, len(in.PublishBatchRequestEntries))
	}
	return out, nil
}

// events gives all events as a reader of the queue frames them, with the consent
// of their message.
func (f *topic) events(t interface{ Fatal(...any) }) (all []string) {
	for i := range f.messages {
		m := &f.messages[i]
		records, err := pack.Open(m)
		if err != nil {
			t.Fatal(err)
		}
		for r := range records {
			d := event.NewDecoder()
			d.Reset(r.Payload)
			for d.Next() {
				all = append(all, m.Attributes["consent"]+" "+d.Raw())
			}
		}
	}
	slices.Sort(all)
	return all
}

func withConsent(id int, analytics bool) string {
	return fmt.Sprintf(`{"id":%d,"consent":{"analytics":%v}}`, id, analytics)
}

// TestPublish: every event of every line arrives once, in a message of its
// consent, whatever the lines hold.
func TestPublish(t *testing.T) {
	line := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			return withConsent(rapid.IntRange(0, 99).Draw(t, "id"), rapid.Bool().Draw(t, "analytics"))
		}),
		rapid.SampledFrom([]string{
			"", " \r", "{}", "{}{}", `{"a":[`, "1}", "]}", `{"a":`, "[1] null", "{\"a\":\"\xff\"}", "\x00", "{\"a\":\"\ufffe\"}", `{"x":"` + strings.Repeat("é", 60_000) + `"}`,
			strings.Repeat("x", 300_000), `{"a":1}garbage{"b":2}`, withConsent(1, false) + withConsent(2, true),
		}),
	)
	// The encoder of packs is made at its first use: outside of the bubbles, which share it.
	var warm pack.Writer
	warm.Add(0, pack.Origin{MessageID: "m"}, 0, []byte("{}"))
	warm.Close()
	rapid.Check(t, func(rt *rapid.T) {
		lines := rapid.SliceOfN(line, 0, 40).Draw(rt, "lines")
		f := &topic{}
		if rapid.Bool().Draw(rt, "failures") {
			random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
			f.fail = func(int, int) (string, bool) {
				if random.IntN(3) == 0 {
					return "InternalError", false
				}
				return "", false
			}
		}
		perMessage := rapid.IntRange(1, 50).Draw(rt, "per message")
		p := Publisher{API: f, TopicARN: "arn", PerMessage: perMessage}
		var counts Counts
		var err error
		synctest.Test(t, func(t *testing.T) { // it waits between attempts
			counts, err = p.Publish(t.Context(), strings.NewReader(strings.Join(lines, "\n")))
		})
		if err != nil {
			rt.Fatal(err)
		}
		var want []string
		none := 0
		d := event.NewDecoder()
		for _, l := range lines {
			d.Reset(l)
			for d.Next() {
				consent := map[event.ConsentState]string{event.ConsentNone: "none", event.ConsentAnalytics: "analytics"}[d.Consent()]
				if consent == "none" {
					none++
				}
				want = append(want, consent+" "+d.Raw())
			}
		}
		slices.Sort(want)
		if got := f.events(rt); !slices.Equal(got, want) {
			rt.Fatalf("got %.300q\nwant %.300q", got, want)
		}
		if counts != (Counts{int64(len(want)), int64(none), int64(len(f.messages))}) {
			rt.Fatalf("%+v, want %d events, %d without consent, %d messages", counts, len(want), none, len(f.messages))
		}
		for _, m := range f.messages {
			if m.Attributes["producer"] == "" {
				rt.Fatal("a message without the attribute that SNS's filters need")
			}
			if n := event.Count(m.Body); n > perMessage {
				rt.Fatalf("%d events in a message, want at most %d", n, perMessage)
			}
		}
	})
}

func TestMessagesAreFull(t *testing.T) {
	f := &topic{}
	var lines []string
	for i := range 250 {
		lines = append(lines, withConsent(i, true))
	}
	if _, err := (&Publisher{API: f, PerMessage: 100}).Publish(t.Context(), strings.NewReader(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
	if len(f.messages) != 3 || f.calls != 1 {
		t.Errorf("%d messages in %d calls, want 3 in 1", len(f.messages), f.calls)
	}
}

// TestByteOrderMark: one before the first line is no part of an event, one
// before any other line is.
func TestByteOrderMark(t *testing.T) {
	const mark = "\uFEFF"
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if _, err := zip.Write([]byte(mark + "{}\n" + mark + "{}\n")); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string][]string{
		mark + "{}\n" + mark + "{}\n": {" {}", " " + mark + "{}"}, zipped.String(): {" {}", " " + mark + "{}"}, mark + mark + "{}": {" " + mark + "{}"}, mark: nil, "\xEF\xBB": {" \xEF\xBB"},
	} {
		f := &topic{}
		p := Publisher{API: f, PerMessage: 1}
		lines, err := Lines(strings.NewReader(input))
		if err == nil {
			_, err = p.Publish(t.Context(), lines)
		}
		if err != nil {
			t.Errorf("%q: %v", input, err)
		}
		got := f.events(t)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q: published %q, want %q", input, got, want)
		}
	}
}

// TestLinesThatCannotBePublished are named; all others are published.
func TestLinesThatCannotBePublished(t *testing.T) {
	random := make([]byte, 400_000)
	for i := range random {
		random[i] = byte(rand.IntN(200) + 40) //nolint:gosec // not compressible
	}
	input := withConsent(1, true) + "\n{\"x\":\"" + strings.ReplaceAll(string(random), "\n", "") + "\"}\n" + withConsent(2, true) + "\n" + strings.Repeat("x", maxLine+1) + "\n" + withConsent(3, true)
	f := &topic{}
	counts, err := (&Publisher{API: f, PerMessage: 1}).Publish(t.Context(), strings.NewReader(input))
	if counts.Events != 3 || len(f.messages) != 3 || !Partial(err) {
		t.Errorf("%+v, %d messages, %v", counts, len(f.messages), err)
	}
	for _, want := range []string{"line 2 was not published", "line 4 was not published"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestPublishEndsWhereSNSRefuses(t *testing.T) {
	for name, f := range map[string]*topic{
		"down":    {down: true},
		"refused": {fail: func(int, int) (string, bool) { return "InvalidParameter", true }},
	} {
		_, err := (&Publisher{API: f, TopicARN: "arn:topic", PerMessage: 1}).Publish(t.Context(), strings.NewReader(strings.Repeat("{}\n", 1000)))
		if err == nil || Partial(err) || !strings.Contains(err.Error(), "arn:topic") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadyHoldsBack(t *testing.T) {
	full := errors.New("full")
	f := &topic{}
	p := Publisher{API: f, PerMessage: 1, Ready: func(context.Context) error { return full }}
	if _, err := p.Publish(t.Context(), strings.NewReader("{}")); !errors.Is(err, full) || f.calls != 0 {
		t.Errorf("%v, %d calls", err, f.calls)
	}
}

func BenchmarkPublish(b *testing.B) {
	line := withConsent(1, true)
	line = line[:1] + `"pad":"` + strings.Repeat("x", 700) + `",` + line[1:]
	input := strings.Repeat(line+"\n", 10_000)
	for _, perMessage := range []int{1, 100} {
		b.Run(fmt.Sprint(perMessage), func(b *testing.B) {
			b.SetBytes(int64(len(input)))
			for b.Loop() {
				if _, err := (&Publisher{API: &topic{}, PerMessage: perMessage}).Publish(b.Context(), strings.NewReader(input)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/event")
		})
	}
}
