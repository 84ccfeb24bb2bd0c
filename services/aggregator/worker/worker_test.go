package worker

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/shared/service"
)

// open gives the error of New with these settings.
func open(t *testing.T, env map[string]string) error {
	t.Helper()
	p := service.NewProcess("aggregator", func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, io.Discard)
	_, err := New(t.Context(), p, nil)
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

func TestNewReadsThePlaces(t *testing.T) {
	env := map[string]string{
		"INPUT_QUEUE_URL": "http://127.0.0.1:1/q", "FINALS_QUEUE_URL": "http://127.0.0.1:1/f", "AGGREGATES_BUCKET": "a",
		"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y",
	}
	env["POIS"] = filepath.Join(t.TempDir(), "none.csv")
	if err := open(t, env); !strings.Contains(err.Error(), "no such file") || strings.Count(err.Error(), "none.csv") != 1 {
		t.Errorf("got %v", err)
	}
	env["POIS"] = filepath.Join(t.TempDir(), "pois.csv")
	if err := os.WriteFile(env["POIS"], []byte("poi_id,name,latitude,longitude\na,A,91,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, env); !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "latitude") {
		t.Errorf("got %v", err)
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
