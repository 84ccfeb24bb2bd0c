package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestChanges: what the comment of a pull request shows is under the type and the
// name of its resource, and of a policy it shows the lines that differ.
func TestChanges(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := os.ReadFile(filepath.Join(root, "stack/testdata/.gitattributes"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, "stack/testdata", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	changes := func() string { return run("make", "-s", "-f", filepath.Join(root, "Makefile"), "changes", "BASE=HEAD") }
	list := func(action, policy string) string {
		return `[{"type":"t","name":"n","inputs":{"policy":"{\"Statement\":[{\"Action\":[\"a\",\"` + action + `\"]}]}","text":"` + policy + `"}}]`
	}
	write(".gitattributes", string(attributes))
	write("resources.dev.json", list("b", "[not JSON"))
	run("git", "init", "-q")
	run("git", "add", "-A")
	run("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "before")
	if got := changes(); got != "" {
		t.Errorf("nothing has changed, but:\n%s", got)
	}
	write("resources.dev.json", list("c", "[not JSON"))
	_, hunk, _ := strings.Cut(changes(), "@@ ")
	if _, hunk, _ = strings.Cut(hunk, "@@ "); hunk != "\"name\": \"t n\",\n-              \"b\"\n+              \"c\"\n" {
		t.Errorf("got\n%s", hunk)
	}
}
