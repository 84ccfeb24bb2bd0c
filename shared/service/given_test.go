package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/headcount-etl/headcount/shared/service/servicetest"
)

// TestCheck: what AWS says of each of the things that a service was given, and
// what the service makes of it: a fault, a line in the log, or nothing.
func TestCheck(t *testing.T) {
	type verdicts map[string]string // by setting: part of a fault, or the level of a line in the log
	settings := map[string]string{"IN": "http://x/1/in", "OUT": "http://x/1/out", "BUCKET": "bkt", "TOPIC": "arn:aws:sns:us-east-1:1:t"}
	all := func(what string) verdicts { return verdicts{"IN": what, "OUT": what, "BUCKET": what, "TOPIC": what} }
	absent, denied := "there is no such thing", "AWS denies"
	for name, tt := range map[string]struct {
		sqs, s3, sns string
		want         verdicts
	}{
		"all there": {"", "", "", verdicts{}},
		"none":      {"QueueDoesNotExist", "NoSuchBucket", "NotFound", all(absent)},
		"denied":    {"AccessDeniedException", "AccessDenied", "AuthorizationError", verdicts{"IN": "info", "OUT": denied, "BUCKET": denied, "TOPIC": "info"}},
		"elsewhere": {"InvalidAddress", "PermanentRedirect", "InvalidParameter", all(absent)},
		"expired":   {"ExpiredToken", "ExpiredToken", "ExpiredToken", all("warn")},
	} {
		t.Run(name, func(t *testing.T) {
			env := servicetest.AWS(t, func(action, of string) string {
				switch {
				case action == "GetQueueAttributes" && (of == settings["IN"] || of == settings["OUT"]):
					return tt.sqs
				case action == "ListObjectsV2" && of == settings["BUCKET"]:
					return tt.s3
				case action == "GetTopicAttributes" && of == settings["TOPIC"]:
					return tt.sns
				}
				t.Errorf("unexpected call: %s of %s", action, of)
				return "InternalFailure"
			})
			var log bytes.Buffer
			p := NewProcess("masker", from(env), &log)
			cfg, err := LoadAWS(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			queues := sqs.NewFromConfig(cfg)
			given := []Given{
				InputQueue(queues, "IN", settings["IN"]), OutputQueue(queues, "OUT", settings["OUT"]),
				Bucket(s3.NewFromConfig(cfg), "BUCKET", settings["BUCKET"]), Topic(sns.NewFromConfig(cfg), "TOPIC", settings["TOPIC"]),
			}
			for i := range given { // The network has no place in a bubble.
				answer := given[i].Ask(t.Context())
				given[i].Ask = func(context.Context) error { return answer }
			}
			synctest.Test(t, func(t *testing.T) { err = p.Check(t.Context(), given...) })
			faults := 0
			for setting, value := range settings {
				want := tt.want[setting]
				line := fmt.Sprintf(`"setting":%q,"value":%q`, setting, value)
				logged := ""
				for text := range strings.Lines(log.String()) {
					if strings.Contains(text, line) {
						logged = text
					}
				}
				switch want {
				case "info", "warn":
					if !strings.Contains(logged, `"level":"`+want+`"`) {
						t.Errorf("%s: logged %q, want %s", setting, logged, want)
					}
				case "":
					if logged != "" {
						t.Errorf("%s: logged %q", setting, logged)
					}
				default:
					faults++
					if text := fmt.Sprintf("%s is %q: %s", setting, value, want); err == nil || !strings.Contains(err.Error(), text) {
						t.Errorf("%v does not say %s", err, text)
					}
				}
			}
			var bad *SettingsError
			if errors.As(err, &bad) != (faults > 0) || bad != nil && len(bad.Faults) != faults {
				t.Errorf("%d faults in %v", faults, err)
			}
		})
	}
}

// TestCheckOfWhatWasJustGranted: a denial is final only when it lasts, and what
// is absent is so at once.
func TestCheckOfWhatWasJustGranted(t *testing.T) {
	refusal := func(code string) error {
		return &smithy.OperationError{ServiceID: "SQS", OperationName: "GetQueueAttributes", Err: &smithy.GenericAPIError{Code: code}}
	}
	for name, tt := range map[string]struct {
		code  string
		until time.Duration // AWS answers so
		took  time.Duration
		want  string // part of the fault
	}{
		"denied for a while": {"AccessDenied", 5500 * time.Millisecond, 6 * time.Second, ""},
		"denied for good":    {"AccessDenied", time.Hour, checkTimeout, "AWS denies"},
		"absent":             {"QueueDoesNotExist", time.Hour, 0, "there is no such thing"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewProcess("masker", from(nil), &bytes.Buffer{})
				begun := time.Now()
				err := p.Check(t.Context(), Given{Setting: "OUT", Value: "q", Ask: func(context.Context) error {
					if time.Since(begun) < tt.until {
						return refusal(tt.code)
					}
					return nil
				}})
				if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
			})
		})
	}
}

// TestWhatTheSDKRefuses: a value that no call can be made with is wrong, and not
// worth another try.
func TestWhatTheSDKRefuses(t *testing.T) {
	env := servicetest.AWS(t, func(action, of string) string {
		t.Errorf("unexpected call: %s of %s", action, of)
		return "InternalFailure"
	})
	cfg, err := LoadAWS(t.Context(), NewProcess("aggregator", from(env), &bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	c := s3.NewFromConfig(cfg)
	empty := ""
	for name, in := range map[string]*s3.GetObjectInput{"an empty key": {Bucket: aws.String("bucket"), Key: &empty}, "no key": {Bucket: &empty}} {
		if _, err := c.GetObject(t.Context(), in); verdictOf(err) != wrong {
			t.Errorf("%s: %v passes for a failure of AWS", name, err)
		}
	}
}

// TestCheckDoesNotWait: AWS that does not answer keeps no service from starting.
func TestCheckDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := NewProcess("masker", from(nil), &log)
		begun := time.Now()
		err := p.Check(t.Context(), Given{Setting: "IN", Value: "q", Ask: func(ctx context.Context) error {
			<-ctx.Done()
			return &smithy.OperationError{ServiceID: "SQS", OperationName: "GetQueueAttributes", Err: ctx.Err()}
		}})
		if took := time.Since(begun); err != nil || took != checkTimeout || !strings.Contains(log.String(), `"setting":"IN"`) {
			t.Errorf("%v after %s, logged %s", err, took, log.String())
		}
	})
}

// TestRequire waits for AWS, but not for what is not there.
func TestRequire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := NewProcess("aggregator", from(nil), &log)
		down := &smithy.OperationError{ServiceID: "S3", OperationName: "GetObject", Err: errors.New("connection refused")}
		begun, outage, last := time.Now(), time.Hour, error(nil)
		lasting := 1000 * time.Hour // of last
		list := Given{Setting: "POIS", Value: "s3://b/k", Action: "s3:GetObject", Ask: func(context.Context) error {
			if time.Since(begun) < outage {
				return down
			}
			if time.Since(begun) < lasting {
				return last
			}
			return nil
		}}
		if err := p.Require(t.Context(), list); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), `"setting":"POIS","value":"s3://b/k"`); n < 120 || n > 130 {
			t.Errorf("%d warnings in an hour, want one in 30 s: %.300s", n, log.String())
		}
		outage, last = 0, errors.New("line 2, latitude: 91")
		var bad *SettingsError
		if err := p.Require(t.Context(), list); !errors.As(err, &bad) || !strings.Contains(err.Error(), `POIS is "s3://b/k": line 2`) {
			t.Errorf("a list with a fault: %v", err)
		}
		begun, last = time.Now(), &smithy.OperationError{Err: &smithy.GenericAPIError{Code: "AccessDenied"}}
		lasting = checkTimeout / 2 // then the grant is there
		if err := p.Require(t.Context(), list); err != nil || time.Since(begun) > checkTimeout {
			t.Errorf("a grant of just now: %v after %s", err, time.Since(begun))
		}
		begun, lasting = time.Now(), time.Hour
		if err := p.Require(t.Context(), list); !errors.As(err, &bad) || !errors.Is(err, last) || !strings.Contains(err.Error(), "AWS denies s3:GetObject") || time.Since(begun) > 2*checkTimeout {
			t.Errorf("denied for good: %v after %s", err, time.Since(begun))
		}
		begun, outage = time.Now(), time.Hour
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := p.Require(ctx, list); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, down) || time.Since(begun) > time.Minute {
			t.Errorf("stopped: %v after %s", err, time.Since(begun))
		}
	})
}
