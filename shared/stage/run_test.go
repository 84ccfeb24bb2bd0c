package stage

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/service/servicetest"
)

// given is what a validator or masker is given.
var given = map[string]string{
	"INPUT_QUEUE_URL": "http://x/1/in", "OUTPUT_QUEUE_URL": "http://x/1/out", "QUARANTINE_BUCKET": "rejected", "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:1:alerts",
}

// process makes the process of a validator whose AWS answers so.
func process(t *testing.T, log *bytes.Buffer, answer func(action, of string) string) *service.Process {
	t.Helper()
	env := servicetest.AWS(t, answer)
	return service.NewProcess("validator", func(name string) (string, bool) {
		if value, ok := given[name]; ok {
			return value, true
		}
		value, ok := env[name]
		return value, ok
	}, log)
}

// TestRunChecksWhatItWasGiven: all that is missing is named before the first
// message, with the setting and its value.
func TestRunChecksWhatItWasGiven(t *testing.T) {
	codes := map[string]string{"GetQueueAttributes": "QueueDoesNotExist", "ListObjectsV2": "NoSuchBucket", "GetTopicAttributes": "NotFound"}
	p := process(t, &bytes.Buffer{}, func(action, _ string) string {
		if codes[action] == "" {
			t.Errorf("%s is called", action)
		}
		return codes[action]
	})
	err := (&Stage{}).Run(t.Context(), p)
	var bad *service.SettingsError
	if !errors.As(err, &bad) || len(bad.Faults) != len(given) {
		t.Fatalf("got %v", err)
	}
	for name, value := range given {
		if !strings.Contains(err.Error(), name+` is "`+value+`"`) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// TestRunRefusesOneQueueForTwo: the stage would read what it writes, without end.
func TestRunRefusesOneQueueForTwo(t *testing.T) {
	p := service.NewProcess("validator", func(name string) (string, bool) {
		if name == "OUTPUT_QUEUE_URL" {
			name = "INPUT_QUEUE_URL"
		}
		value, ok := given[name]
		return value, ok
	}, &bytes.Buffer{})
	err := (&Stage{}).Run(t.Context(), p)
	var bad *service.SettingsError
	if want := "OUTPUT_QUEUE_URL is the queue of INPUT_QUEUE_URL"; !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestRunStartsWithoutAWS: an outage at the start is waited for like any other.
func TestRunStartsWithoutAWS(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log bytes.Buffer
	p := process(t, &log, func(action, _ string) string {
		if action == "ReceiveMessage" {
			stop()
		}
		return "ExpiredToken"
	})
	if err := (&Stage{}).Run(ctx, p); err != nil {
		t.Errorf("got %v", err)
	}
	for name := range given {
		if !strings.Contains(log.String(), `"setting":"`+name+`"`) {
			t.Errorf("%s is not warned of: %s", name, log.String())
		}
	}
}

// TestRunNamesTheQueueItMayNotReceiveFrom: IAM denies what a role's queues are
// not among, whether there is such a queue or not.
func TestRunNamesTheQueueItMayNotReceiveFrom(t *testing.T) {
	p := process(t, &bytes.Buffer{}, func(action, of string) string {
		if action == "ReceiveMessage" || of == given["INPUT_QUEUE_URL"] {
			return "AccessDeniedException"
		}
		return ""
	})
	err := (&Stage{}).Run(t.Context(), p)
	var bad *service.SettingsError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), `INPUT_QUEUE_URL is "`+given["INPUT_QUEUE_URL"]+`": AWS denies sqs:ReceiveMessage`) {
		t.Errorf("got %v", err)
	}
}
