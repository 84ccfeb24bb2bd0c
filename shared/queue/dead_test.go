package queue

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/shared/metrics"
)

const (
	redrive = `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:in-dlq","maxReceiveCount":20}`
	deadURL = "http://127.0.0.1:4566/000000000000/in-dlq"
)

// buries has the messages "dead" die, and all others done.
func buries(_ context.Context, batch []Message) []error {
	errs := make([]error, len(batch))
	for i, m := range batch {
		if m.Body == "dead" {
			errs[i] = Dead(errors.New("wrong key"))
		}
	}
	return errs
}

// TestDead: the message goes to the dead-letter queue as it came, and costs neither a
// second receive nor its neighbours anything.
func TestDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(30)...)
		f.redrive = redrive
		attributes := map[string]types.MessageAttributeValue{
			"keys":   {DataType: aws.String("String"), StringValue: aws.String("k1")},
			"number": {DataType: aws.String("Number.int"), StringValue: aws.String("3")},
			"binary": {DataType: aws.String("Binary"), BinaryValue: []byte{1}},
		}
		for range 25 {
			f.put("dead", attributes)
		}
		var counted, log bytes.Buffer
		set := metrics.New(&counted, "local", "aggregator", "v1")
		r := start(t, f, Settings{Metrics: set, Log: zerolog.New(zerolog.SyncWriter(&log))}, buries)
		later(time.Minute)
		f.put("late", nil)
		later(time.Second)
		if f.left() != 0 || f.most() != 0 || f.called("attributes") != 1 {
			t.Errorf("%d left after %d receives, %d questions for the dead-letter queue", f.left(), f.most(), f.called("attributes"))
		}
		r.end(t)
		dead := f.dead[deadURL]
		if len(dead) != 25 || len(f.dead) != 1 {
			t.Fatalf("%d dead letters in %d queues", len(dead), len(f.dead))
		}
		for _, e := range dead {
			if *e.MessageBody != "dead" || !reflect.DeepEqual(e.MessageAttributes, attributes) {
				t.Errorf("dead is %s with %v", *e.MessageBody, e.MessageAttributes)
			}
		}
		if !strings.Contains(log.String(), "wrong key") {
			t.Errorf("the log does not say why: %s", &log)
		}
		if err := set.Flush(time.Now()); err != nil || !strings.Contains(counted.String(), `"MessagesDead":25`) ||
			strings.Contains(counted.String(), `"MessagesFailed":2`) || !strings.Contains(counted.String(), `"MessagesDone":31`) {
			t.Errorf("counted %s %v", &counted, err)
		}
	})
}

// TestDeadButNotSent: while the dead-letter queue cannot be written, or asked for, the
// message is held and tried again, without another receive.
func TestDeadButNotSent(t *testing.T) {
	for _, op := range []string{"send", "attributes"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake("dead", "dead", "alive")
			f.redrive = redrive
			begun := time.Now()
			f.failCall = func(called string) error {
				if called == op && time.Since(begun) < time.Hour {
					return errDown
				}
				return nil
			}
			var log bytes.Buffer
			r := start(t, f, Settings{Log: zerolog.New(zerolog.SyncWriter(&log))}, buries)
			later(50 * time.Minute)
			if f.left() != 2 || f.most() != 1 || f.buried() > 0 {
				t.Errorf("%s: %d left, received %d times, %d dead", op, f.left(), f.most(), f.buried())
			}
			later(20 * time.Minute)
			r.end(t)
			if f.left() != 0 || len(f.dead[deadURL]) != 2 {
				t.Errorf("%s: %d left, dead: %v", op, f.left(), f.dead)
			}
			for _, want := range []string{errDown.Error(), "wrong key"} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("%s: the log does not say %q: %s", op, want, &log)
				}
			}
		})
	}
}

// TestDeadWithoutDeadLetters: a queue that names none gets the message back.
func TestDeadWithoutDeadLetters(t *testing.T) {
	for policy, want := range map[string]int{"": 6, "{}": 1} { // receives; a policy that is none is an outage
		synctest.Test(t, func(t *testing.T) {
			f := newFake("dead")
			f.redrive = policy
			r := start(t, f, Settings{}, buries)
			later(time.Minute)
			r.end(t)
			if f.left() != 1 || len(f.dead) > 0 || f.most() < min(want, 3) || f.most() > want {
				t.Errorf("%q: %d left, received %d times, dead: %v", policy, f.left(), f.most(), f.dead)
			}
		})
	}
}
