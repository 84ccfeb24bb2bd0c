package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/headcount-etl/headcount/services/masker/mask"
)

// taken gives an address that somebody listens on.
func taken(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestAddressTaken: an address that is in use is an error that says what helps, and
// a demo says that its page is elsewhere.
func TestAddressTaken(t *testing.T) {
	address := taken(t)
	for name, args := range map[string][]string{
		"cloud":   {"cloud", "--data", t.TempDir(), "--listen", address},
		"preview": {"preview", "--definition", "../../dashboards/headcount.json", "--data", t.TempDir(), "--listen", address},
	} {
		code, _, stderr := headcount(t, "", args...)
		if code != exitInput || !strings.Contains(stderr, "--listen "+address) || !strings.Contains(stderr, "try --listen 127.0.0.1:0") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %q", name, code, stderr)
		}
	}
	var stderr bytes.Buffer
	page, err := showDemo(t.Context(), &stderr, t.TempDir(), address)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stderr.String(), address+" is taken") || strings.HasSuffix(page.URL(), address) {
		t.Errorf("the page is at %s; %q", page.URL(), &stderr)
	}
	if err := page.Close(); err != nil {
		t.Error(err)
	}
}

// TestStoppedAtStart: Ctrl-C while it starts ends a command that runs until Ctrl-C
// as it does later.
func TestStoppedAtStart(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopSignal{syscall.SIGINT})
	for name, args := range map[string][]string{
		"cloud":   {"cloud", "--data", t.TempDir(), "--listen", "127.0.0.1:0"},
		"demo":    {"demo", "--data", filepath.Join(t.TempDir(), "demo")},
		"preview": {"preview", "--definition", "../../dashboards/headcount.json", "--data", t.TempDir(), "--listen", "127.0.0.1:0"},
	} {
		var out, stderr bytes.Buffer
		if code := execute(ctx, streams{strings.NewReader(""), &out, &stderr}, args); code != exitDone {
			t.Errorf("%s: exit %d, %q", name, code, &stderr)
		}
	}
}

// TestStoppedBeforeInput: a run ends on a signal while its input has given nothing.
func TestStoppedBeforeInput(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	idle := idleReader{begun: func() { cancel(stopSignal{syscall.SIGTERM}) }, ended: t.Context()}
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	var out, stderr bytes.Buffer
	code := execute(ctx, streams{idle, &out, &stderr}, []string{"run", "--events", "-", "--pois", pois, "--data", t.TempDir()})
	if code != 143 || !strings.Contains(stderr.String(), "interrupted by SIGTERM: nothing was published") {
		t.Errorf("exit %d, %q", code, &stderr)
	}
}

// idleReader is an input that never gives anything.
type idleReader struct {
	begun func()
	ended context.Context
}

func (r idleReader) Read([]byte) (int, error) {
	r.begun()
	<-r.ended.Done()
	return 0, io.EOF
}

// watched calls seen when text has been written.
type watched struct {
	bytes.Buffer
	text string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.text) {
		w.seen()
	}
	return n, err
}

// TestCloudDescribesKeysAndPlaces: what it cannot make itself has its form beside
// it, and the masker understands keys of that form.
func TestCloudDescribesKeysAndPlaces(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &watched{text: "Ctrl-C ends it", seen: func() { cancel(stopSignal{syscall.SIGINT}) }}
	var stderr bytes.Buffer
	if code := execute(ctx, streams{strings.NewReader(""), out, &stderr}, []string{"cloud", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}); code != exitDone {
		t.Errorf("exit %d, %q", code, &stderr)
	}
	_, after, found := strings.Cut(out.String(), "export MASKING_KEYS='")
	keys, _, _ := strings.Cut(after, "'")
	if _, err := mask.ParseRing(strings.Replace(keys, "BASE64", base64.StdEncoding.EncodeToString(make([]byte, mask.KeySize)), 1)); err != nil || !found {
		t.Errorf("keys %q: %v", keys, err)
	}
	for _, want := range []string{"export POIS=", "poi_id,name,latitude,longitude[,radius_m]", "never reach the lake"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
