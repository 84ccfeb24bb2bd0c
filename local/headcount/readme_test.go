package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
)

// TestReadmeShowsAValidEvent: whoever copies the event of the README has one that
// counts.
func TestReadmeShowsAValidEvent(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```json\n")
	sample, _, _ := strings.Cut(after, "\n```")
	d := event.NewDecoder()
	d.Reset(sample)
	if !d.Next() || strings.Contains(sample, "\n") {
		t.Fatalf("no event in a line: %q", sample)
	}
	if fault := d.Check(event.Arrival{At: time.Now().UnixMilli()}); fault != (event.Fault{}) {
		t.Errorf("it breaks the contract: %v", fault)
	}
}
