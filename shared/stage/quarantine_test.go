package stage

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
)

// bucket is an S3 bucket that refuses keys with a given part.
type bucket struct {
	objects map[string]string
	refuse  string
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if b.refuse != "" && strings.Contains(*in.Key, b.refuse) {
		return nil, errors.New("refused")
	}
	zip, err := gzip.NewReader(in.Body)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(zip)
	b.objects[*in.Key] = string(text)
	return &s3.PutObjectOutput{}, err
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC).UnixMilli()

func rejection(source int, c event.Category, o pack.Origin, payload string) Rejection {
	o.MessageID, o.ReceivedAt = "m", noon
	return Rejection{Source: source, Fault: event.Fault{Category: c, Field: "user.id"}, Origin: o, Index: 7, Events: 1, Payload: payload}
}

func TestPut(t *testing.T) {
	b := &bucket{objects: map[string]string{}}
	s := Quarantine{API: b, Bucket: "q", Stage: "validator"}
	all := []Rejection{
		rejection(0, event.MissingField, pack.Origin{}, "{}"),
		rejection(1, event.MissingField, pack.Origin{}, ""),
		rejection(1, event.NoConsent, pack.Origin{}, ""),
		rejection(2, event.TooLarge, pack.Origin{Replay: true}, ""),
	}
	errs := make([]error, 3)
	s.Put(t.Context(), all, errs)
	s.Put(t.Context(), all, errs) // again: the same object
	if len(b.objects) != 1 || errors.Join(errs...) != nil {
		t.Fatalf("%v, %v", b.objects, errs)
	}
	for key, text := range b.objects {
		if !strings.HasPrefix(key, "quarantine/category=missing_field/year=2026/month=03/day=01/") || !strings.HasSuffix(key, ".ndjson.gz") {
			t.Errorf("key %s", key)
		}
		want := `{"category":"missing_field","field":"user.id","received_at":"2026-03-01T12:00:00.005Z","message_id":"m","index":7,"events":1,"stage":"validator","payload":"e30="}` + "\n" +
			`{"category":"missing_field","field":"user.id","received_at":"2026-03-01T12:00:00.005Z","message_id":"m","index":7,"events":1,"stage":"validator"}` + "\n"
		if text != want {
			t.Errorf("got %s\nwant %s", text, want)
		}
	}
}

func TestPutFailsOnlyTheSourcesConcerned(t *testing.T) {
	b := &bucket{objects: map[string]string{}, refuse: "too_large"}
	errs := make([]error, 3)
	(&Quarantine{API: b, Bucket: "q"}).Put(t.Context(), []Rejection{
		rejection(0, event.MissingField, pack.Origin{}, ""), rejection(1, event.TooLarge, pack.Origin{}, ""),
	}, errs)
	if errs[0] != nil || errs[1] == nil || errs[2] != nil || len(b.objects) != 1 {
		t.Errorf("%v, %v", errs, b.objects)
	}
}

// topic is an SNS topic that can be down.
type topic struct {
	sent []*sns.PublishInput
	down bool
}

func (p *topic) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	if p.down {
		return nil, errors.New("down")
	}
	p.sent = append(p.sent, in)
	return &sns.PublishOutput{}, nil
}

// TestAlerts: one message per category and interval; an outage delays it, a
// stop does not lose it.
func TestAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &topic{down: true}
		a := &Alerts{API: p, TopicARN: "arn", Stage: "validator", Flow: "v1", Bucket: "q"}
		ctx, stop := context.WithCancel(t.Context())
		failures := 0
		done := make(chan struct{})
		go func() {
			a.Run(ctx, func(error) { failures++ })
			close(done)
		}()
		a.Add([]Rejection{
			rejection(0, event.MissingField, pack.Origin{}, "secret"), rejection(0, event.MissingField, pack.Origin{}, ""),
			rejection(0, event.NoConsent, pack.Origin{}, ""), rejection(0, event.TooLarge, pack.Origin{Replay: true}, ""),
		})
		time.Sleep(AlertInterval + time.Second) // of the bubble's clock
		synctest.Wait()
		if failures != 1 || len(p.sent) != 0 {
			t.Fatalf("%d failures, %d sent", failures, len(p.sent))
		}
		p.down = false
		a.Add([]Rejection{rejection(0, event.MissingField, pack.Origin{}, "")})
		time.Sleep(AlertInterval)
		synctest.Wait()
		if len(p.sent) != 1 {
			t.Fatalf("%d sent", len(p.sent))
		}
		text := *p.sent[0].Message
		if !strings.Contains(text, "rejected 3 events as missing_field") || !strings.Contains(text, "3  user.id") || strings.Contains(text, "secret") {
			t.Error(text)
		}
		if got := *p.sent[0].MessageAttributes["category"].StringValue; got != "missing_field" {
			t.Errorf("attribute category is %s", got)
		}
		time.Sleep(3 * AlertInterval)
		synctest.Wait()
		a.Add([]Rejection{rejection(0, event.WrongType, pack.Origin{}, "")})
		stop()
		<-done
		if len(p.sent) != 2 || failures != 1 {
			t.Errorf("%d sent, %d failures", len(p.sent), failures)
		}
	})
}

func TestNilAlerts(t *testing.T) {
	var a *Alerts
	a.Add([]Rejection{{}})
	a.Run(t.Context(), nil)
}

// TestQuarantineColumns compares the columns with the members of a line: only the payload
// may be in none.
func TestQuarantineColumns(t *testing.T) {
	var names []string
	for _, c := range slices.Concat(QuarantineColumns, QuarantinePartitions[:1]) {
		names = append(names, c.Name)
	}
	names = append(names, "payload")
	var members []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[line]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		members = append(members, name)
	}
	slices.Sort(names)
	slices.Sort(members)
	if !slices.Equal(names, members) {
		t.Errorf("columns %v, members of a line %v", names, members)
	}
}
