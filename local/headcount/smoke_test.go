package main

import (
	"strings"
	"testing"
)

// TestSmokeMistakes: each is answered by one line that says how to mend it, before
// AWS is asked for anything.
func TestSmokeMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		args []string
		want []string
	}{
		"no outputs":    {"", nil, []string{"--stack is missing, or --outputs"}},
		"no such file":  {"", []string{"--outputs", "nowhere.json"}, []string{"--outputs nowhere.json", "no such file"}},
		"no stack":      {"", []string{"--outputs", "-"}, []string{"empty", "brought up"}},
		"not JSON":      {"error: no stack", []string{"--outputs", "-"}, []string{"pulumi stack output --json"}},
		"other outputs": {`{"region":"eu-west-1"}`, []string{"--outputs", "-"}, []string{"outputs are missing", "topicArn", "flows", "buckets.lake"}},
		"values":        {"", []string{"--outputs", "-", "--events", "3", "--timeout", "1s"}, []string{"--events 3", "--timeout 1s"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := headcount(t, tt.in, append([]string{"smoke"}, tt.args...)...)
			if code == 0 || out != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q: want a failure with one line", code, out, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
		})
	}
}
