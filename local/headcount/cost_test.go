package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/headcount/internal/cost"
)

// TestCostIsCurrent: docs/cost.md is what the committed counts, prices and
// resources make of it.
func TestCostIsCurrent(t *testing.T) {
	counted, err := cost.ReadCounted()
	if err != nil {
		t.Fatal(err)
	}
	want, err := cost.Document("../..", counted)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("../..", cost.Path))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: `go run ./local/headcount cost --events 0 --write %s` in the repository's root writes it from the committed counts, `make cost` counts anew", cost.Path, cost.Path)
	}
}

// TestCostCommand: to stdout, from the committed counts, in the repository's
// root alone.
func TestCostCommand(t *testing.T) {
	for name, c := range map[string]struct {
		dir  string
		args []string
		code int
		want string
	}{
		"elsewhere":  {t.TempDir(), []string{"cost", "--events", "0"}, 2, "repository's root"},
		"too few":    {"../..", []string{"cost", "--events", "7"}, 2, "--events 7"},
		"the bill":   {"../..", []string{"cost", "--events", "0"}, 0, "# What it costs"},
		"no folder":  {"../..", []string{"cost", "--events", "0", "--write", "none/there/cost.md"}, 1, "none/there"},
		"an operand": {"../..", []string{"cost", "now"}, 2, "unexpected argument now"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(c.dir)
			var out, faults bytes.Buffer
			code := execute(t.Context(), streams{strings.NewReader(""), &out, &faults}, c.args)
			if text := out.String() + faults.String(); code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("exit %d, %.200s", code, text)
			}
		})
	}
}
