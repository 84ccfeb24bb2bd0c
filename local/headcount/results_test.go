package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// full is a stdout that accepts nothing, as /dev/full.
type full struct{ written func() }

func (f full) Write([]byte) (int, error) {
	f.written()
	return 0, syscall.ENOSPC
}

// TestLostResultsAreFailures: a command whose stdout accepts nothing fails, and
// says so in one line.
func TestLostResultsAreFailures(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	for _, args := range [][]string{
		{"help"},
		{"run", "--events", "-", "--pois", pois, "--data", data},
		{"query", "--data", data, "SELECT * FROM range(10000)"},
		{"simulate", "--people", "20", "--minutes", "3"},
		{"cloud", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "cloud")},
	} {
		t.Run(args[0], func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			written := func() {}
			if args[0] == "cloud" {
				written = stop // as it goes on until then
			}
			var stderr bytes.Buffer
			code := execute(ctx, streams{strings.NewReader(events), full{written}, &stderr}, args)
			if code != 1 || strings.Count(stderr.String(), syscall.ENOSPC.Error()) != 1 {
				t.Errorf("exit %d, %s", code, stderr.String())
			}
		})
	}
}

// TestRunReadsThePlacesOnce: what was checked is what is used, also where it
// cannot be read twice.
func TestRunReadsThePlacesOnce(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "places")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		err := os.WriteFile(pipe, []byte("poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n"), 0o600)
		// Who reads again gets another list.
		done <- errors.Join(err, os.Rename(pipe, pipe+".read"), os.WriteFile(pipe, []byte("poi_id\n"), 0o600))
	}()
	code, out, stderr := headcount(t, events, "run", "--events", "-", "--pois", pipe, "--data", filepath.Join(t.TempDir(), "data"))
	if code != 0 || !strings.Contains(out, `"aggregated":1,`) {
		t.Errorf("exit %d, %s%s", code, out, stderr)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
