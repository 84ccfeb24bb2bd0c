package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/service/servicetest"
)

// open gives the error of New with these settings.
func open(t *testing.T, env map[string]string) error {
	t.Helper()
	p := service.NewProcess("aggregator", func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, io.Discard)
	_, err := New(t.Context(), p, Options{})
	if err == nil {
		t.Fatal("no error")
	}
	return err
}

func TestNewNamesEveryFault(t *testing.T) {
	err := open(t, map[string]string{
		"INPUT_QUEUE_URL": "masked", "WINDOW": "7m", "RADIUS_M": "-1", "MIN_PEOPLE": "0", "FLUSH_INTERVAL": "fast", "REFRESH_INTERVAL": "16m", "FLOW": "V 1",
	})
	for _, want := range []string{
		"INPUT_QUEUE_URL", "FINALS_QUEUE_URL is missing", "AGGREGATES_BUCKET is missing", "POIS is missing", "WINDOW is 7m", "divide a day",
		`RADIUS_M is "-1"`, `MIN_PEOPLE is "0"`, `FLUSH_INTERVAL is "fast"`, `REFRESH_INTERVAL is "16m"`, "FLOW",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// TestNewRefusesOneQueueForTwo: it would read what it writes, without end.
func TestNewRefusesOneQueueForTwo(t *testing.T) {
	err := open(t, map[string]string{"INPUT_QUEUE_URL": "http://x/1/masked", "FINALS_QUEUE_URL": "http://x/1/masked", "AGGREGATES_BUCKET": "b", "POIS": "places.csv"})
	if want := "FINALS_QUEUE_URL is the queue of INPUT_QUEUE_URL"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", err, want)
	}
}

// given is what an aggregator is given.
var given = map[string]string{
	"INPUT_QUEUE_URL": "http://x/1/masked", "FINALS_QUEUE_URL": "http://x/1/finals", "AGGREGATES_BUCKET": "aggregates", "POIS": "s3://aggregates/places/v1.csv",
}

// with gives the environment of an aggregator whose AWS answers so.
func with(t *testing.T, answer func(action, of string) string) map[string]string {
	t.Helper()
	env := servicetest.AWS(t, answer)
	maps.Copy(env, given)
	return env
}

func TestNewReadsThePlaces(t *testing.T) {
	env := with(t, func(string, string) string { return "" })
	env["POIS"] = filepath.Join(t.TempDir(), "none.csv")
	if err := open(t, env); !strings.Contains(err.Error(), "no such file") || strings.Count(err.Error(), "none.csv") != 1 {
		t.Errorf("got %v", err)
	}
	env["POIS"] = filepath.Join(t.TempDir(), "pois.csv")
	if err := os.WriteFile(env["POIS"], []byte("poi_id,name,latitude,longitude\na,A,91,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *service.SettingsError
	if err := open(t, env); !errors.As(err, &bad) || !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "latitude") {
		t.Errorf("got %v", err)
	}
	for _, env["POIS"] = range []string{"s3://bucket", "s3://bucket/", "s3:///k", "s3://"} {
		if err := open(t, env); !errors.As(err, &bad) || !strings.Contains(err.Error(), `POIS is "`+env["POIS"]+`": must be s3://bucket/key`) {
			t.Errorf("%s: got %v", env["POIS"], err)
		}
	}
}

// TestNewChecksWhatItWasGiven: all that is missing is named in one error.
func TestNewChecksWhatItWasGiven(t *testing.T) {
	codes := map[string]string{"GetQueueAttributes": "QueueDoesNotExist", "ListObjectsV2": "NoSuchBucket", "GetObject": "NoSuchKey"}
	err := open(t, with(t, func(action, _ string) string { return codes[action] }))
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

// TestRunWaitsForAWS, and stops meanwhile when it is asked to.
func TestRunWaitsForAWS(t *testing.T) {
	for name, local := range map[string]bool{"for the list of places": false, "for the flow's document": true} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			want := "aggregates/places/v1.csv"
			if local {
				want = "aggregates/flows/v1.json"
			}
			calls := 0
			env := with(t, func(action, of string) string {
				if action == "GetObject" {
					if of != want {
						t.Errorf("%s is asked for, want %s", of, want)
					}
					if calls++; calls == 2 {
						stop()
					}
				}
				return "ExpiredToken"
			})
			if local {
				env["POIS"] = filepath.Join(t.TempDir(), "pois.csv")
				if err := os.WriteFile(env["POIS"], []byte("poi_id,name,latitude,longitude\na,A,9,0\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			p := service.NewProcess("aggregator", func(name string) (string, bool) {
				value, ok := env[name]
				return value, ok
			}, &log)
			if err := Run(ctx, p); err != nil {
				t.Errorf("got %v", err)
			}
			for name := range given {
				if warned := strings.Contains(log.String(), `"setting":"`+name+`"`); warned != (name != "POIS" || !local) {
					t.Errorf("%s: warned %t: %s", name, warned, log.String())
				}
			}
		})
	}
}

func TestS3Path(t *testing.T) {
	for where, want := range map[string][3]string{
		"s3://bucket/a/b.csv": {"bucket", "a/b.csv", "s3"}, "s3://bucket": {"bucket", "", "s3"}, "/tmp/s3://x": {"", "", ""}, "places.csv": {"", "", ""},
	} {
		bucket, key, ok := s3Path(where)
		if bucket != want[0] || key != want[1] || ok != (want[2] == "s3") {
			t.Errorf("%s: %q %q %v", where, bucket, key, ok)
		}
	}
}

func TestNewIDIsUnique(t *testing.T) {
	if a, b := newID(), newID(); a == b || strings.ContainsAny(a, "/-") {
		t.Errorf("%s and %s", a, b)
	}
}
