package program_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/settings"
)

// TestOperations: docs/operations.md has a part on every kind of alarm, under the
// alarm's name with <flow>, <queue> and <service> in place of names, and on no
// other one.
func TestOperations(t *testing.T) {
	kinds := map[string]bool{}
	for _, stack := range stacks {
		s := load(t, stack)
		for _, r := range run(t, s).Resources {
			if r.Type == "aws:cloudwatch/metricAlarm:MetricAlarm" {
				kinds[alarmKind(s, r.Name)] = true
			}
		}
	}
	if len(kinds) == 0 {
		t.Fatal("the stacks have no alarm")
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := alarmHeadings(string(text))
	for kind := range kinds {
		if n := count(headings, kind); n != 1 {
			t.Errorf("docs/operations.md has %d headings ### `%s`, not one", n, kind)
		}
	}
	for _, heading := range headings {
		if !kinds[heading] {
			t.Errorf("docs/operations.md has a part on %s, and no stack such an alarm", heading)
		}
	}
}

// alarmKind puts <flow>, <queue> and <service> in place of names.
func alarmKind(s *settings.Settings, name string) string {
	for i := range s.Flows {
		rest, ok := strings.CutPrefix(name, s.Flows[i].Name+"-")
		if !ok {
			continue
		}
		first, last, _ := strings.Cut(rest, "-")
		switch {
		case slices.Contains(pipeline.Queues(), first):
			return "<flow>-<queue>-" + last
		case slices.Contains(pipeline.Names(nil), first):
			return "<flow>-<service>-" + last
		default:
			return "<flow>-" + rest
		}
	}
	return name
}

// alarmHeadings gives the headings of the form ### `name`.
func alarmHeadings(text string) []string {
	var headings []string
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "### `"); ok {
			headings = append(headings, strings.TrimSuffix(name, "`"))
		}
	}
	return headings
}

func count(list []string, wanted string) int {
	n := 0
	for _, one := range list {
		if one == wanted {
			n++
		}
	}
	return n
}
