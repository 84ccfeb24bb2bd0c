package program_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

var update = flag.Bool("update", false, "write the committed lists and templates anew")

const root = "../.."

// stacks are the committed configurations.
var stacks = []string{"dev", "prod"}

func load(t *testing.T, stack string) *settings.Settings {
	t.Helper()
	s, err := settings.Load(root, stack)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s *settings.Settings) *record.Stack {
	t.Helper()
	got, err := record.Run(s.Stack, s.Region, deploy(s), record.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func deploy(s *settings.Settings) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error { return program.Deploy(ctx, s, &record.Means{}) }
}

// TestResources compares what the program registers for the committed
// configurations with the committed lists, and CloudFormation's templates with
// files of their own, so that a pull request shows what it changes.
// `make resources` writes them.
func TestResources(t *testing.T) {
	for _, stack := range stacks {
		start := time.Now()
		got := run(t, load(t, stack))
		took := time.Since(start)
		t.Logf("%s: %d resources, registered in %s", stack, len(got.Resources), took.Round(time.Millisecond))
		for _, r := range got.Resources {
			if r.Inputs["contentType"] == "text/csv; charset=utf-8" {
				delete(r.Inputs, "content") // its hash is in the key
			}
			for _, input := range []string{"content", "templateBody"} {
				if text, ok := r.Inputs[input].(string); ok {
					file := filepath.Join("templates", stack+"."+r.Name+".json")
					var indented bytes.Buffer
					if err := json.Indent(&indented, []byte(text), "", "  "); err != nil {
						t.Fatal(err)
					}
					committed(t, file, append(indented.Bytes(), '\n'))
					r.Inputs[input] = file
				}
			}
		}
		committed(t, "resources."+stack+".json", encode(t, got.Resources))
	}
}

// committed compares what is in the file with what should be, or writes it.
func committed(t *testing.T, name string, text []byte) {
	t.Helper()
	file := filepath.Join("..", "testdata", name)
	if *update {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(want) {
		t.Errorf("%s is stale: %s; `make resources` writes it", file, firstDifference(string(text), string(want)))
	}
}

// encode writes resources as the committed lists have them.
func encode(t *testing.T, resources []record.Resource) []byte {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(resources); err != nil {
		t.Fatal(err)
	}
	return []byte(out.String())
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, the program says %q", i+1, b[i], a[i])
		}
	}
	return fmt.Sprintf("it has %d lines, the program says %d", len(b), len(a))
}

// TestTwoRunsAreEqual: nothing in the program depends on chance or time.
func TestTwoRunsAreEqual(t *testing.T) {
	s := load(t, "prod")
	if a, b := encode(t, run(t, s).Resources), encode(t, run(t, s).Resources); string(a) != string(b) {
		t.Error(firstDifference(string(a), string(b)))
	}
}

// TestEveryFailureFails lets the registration of each resource, and the call of
// each function, fail in turn: the program must fail, and say of what. What is in
// both stacks fails in the one that is quicker to render.
func TestEveryFailureFails(t *testing.T) {
	tried := map[string]bool{}
	for _, stack := range stacks {
		s := load(t, stack)
		whole := run(t, s)
		for _, r := range whole.Resources {
			id := r.Type + " " + r.Name
			if tried[id] {
				continue
			}
			tried[id] = true
			mustFail(t, s, id, record.Faults{Register: func(other record.Resource) error {
				if other.Type == r.Type && other.Name == r.Name {
					return fmt.Errorf("no %s today", id)
				}
				return nil
			}})
		}
		for _, token := range whole.Calls {
			if tried[token] {
				continue
			}
			tried[token] = true
			mustFail(t, s, token, record.Faults{Call: func(other string) error {
				if other == token {
					return fmt.Errorf("no %s today", token)
				}
				return nil
			}})
		}
	}
}

func mustFail(t *testing.T, s *settings.Settings, id string, faults record.Faults) {
	t.Helper()
	if _, err := record.Run(s.Stack, s.Region, deploy(s), faults); err == nil || !strings.Contains(err.Error(), "no "+id+" today") {
		t.Errorf("%s: got %v", id, err)
	}
}
