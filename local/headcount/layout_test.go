package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies: what a package reaches, through other modules too. The linter
// (depguard in .golangci.yml) sees only what a file imports itself.
func TestDependencies(t *testing.T) {
	const ours = "github.com/headcount-etl/headcount/"
	for _, rule := range []struct {
		packages []string // below ours
		denied   []string
		but      []string
	}{
		{[]string{"dashboards/quicksight/..."}, []string{ours}, []string{ours + "dashboards/quicksight"}},
		{[]string{"local/preview/..."}, []string{ours}, []string{ours + "local/preview", ours + "dashboards/quicksight"}},
		{[]string{"local/standin/..."}, []string{ours}, []string{ours + "local/standin"}},
		{
			[]string{"shared/...", "services/validator/...", "services/masker/...", "services/aggregator/..."},
			[]string{"github.com/pulumi/", "github.com/duckdb/", ours + "stack", ours + "dashboards", ours + "local"},
			nil,
		},
		{
			[]string{"shared/event", "shared/parquet", "shared/pipeline", "services/masker/mask", "services/aggregator/places", "services/aggregator/counts", "services/aggregator/results"},
			[]string{"github.com/aws/"},
			nil,
		},
		{[]string{"local/headcount/...", "stack/ops"}, []string{"github.com/pulumi/"}, nil},
	} {
		arguments := []string{"list", "-deps"}
		for _, p := range rule.packages {
			arguments = append(arguments, ours+p)
		}
		list, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput() //nolint:gosec // the test's own
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, list)
		}
		reached := strings.Fields(string(list))
		if len(reached) < len(rule.packages) {
			t.Fatalf("go %s: no packages", strings.Join(arguments, " "))
		}
		for _, pkg := range reached {
			if hasPrefix(pkg, rule.denied) && !hasPrefix(pkg, rule.but) {
				t.Errorf("%v reach %s, and must not", rule.packages, pkg)
			}
		}
	}
}

func hasPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
