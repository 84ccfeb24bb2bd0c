package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../../.."

// TestExtending does what docs/extending.md shows, in a copy of the repository:
// its edits, its new files and its commands, in their order. What needs no copy
// of its own is in Go's build cache already.
func TestExtending(t *testing.T) {
	guide := copyRepository(t, t.TempDir())
	lines := 0 // of the stage
	steps := guide.steps(t)
	if fences := strings.Count("\n"+guide.read(t, "docs/extending.md"), "\n```"); fences != 2*len(steps) {
		t.Fatalf("%d blocks are read, of %d fences", len(steps), fences)
	}
	for _, step := range steps {
		switch {
		case step.kind == "sh":
			guide.run(t, step.text)
		case step.kind == "diff":
			guide.edit(t, step.text)
		case step.file != "":
			guide.write(t, step.file, step.text)
			lines += strings.Count(step.text, "\n")
		default:
			t.Errorf("a block of %s is neither an edit, nor a file, nor commands:\n%s", step.kind, step.text)
		}
		if t.Failed() {
			return
		}
	}
	if lines == 0 || lines >= 120 {
		t.Errorf("a stage with its test has %d lines, fewer than 120 are wanted", lines)
	}
}

// repository is a copy of this one.
type repository string

// copyRepository copies the files that Git knows as they are in the working tree,
// and those that it does not know yet.
func copyRepository(t *testing.T, dir string) repository {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	to := repository(dir)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		to.write(t, name, string(data))
	}
	return to
}

func (r repository) path(name string) string { return filepath.Join(string(r), name) }

func (r repository) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r repository) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(r.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// step is a block of the guide; file is the name in the line before it.
type step struct{ file, kind, text string }

var block = regexp.MustCompile("(?ms)(?:^`([^`\n]+)`\n\n)?^```(\\w+)\n(.*?)^```$")

func (r repository) steps(t *testing.T) (all []step) {
	t.Helper()
	for _, m := range block.FindAllStringSubmatch(r.read(t, "docs/extending.md"), -1) {
		all = append(all, step{m[1], m[2], m[3]})
	}
	return all
}

// run runs a block of commands.
func (r repository) run(t *testing.T, commands string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", commands)
	cmd.Dir = string(r)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "no tests to run") {
		t.Errorf("%v\n%s\n%s", err, commands, out)
	}
}

// edit makes the edits of a block. "--- file" begins those of a file, "@@" each
// further one. The lines that stay or go must be in the file exactly once.
func (r repository) edit(t *testing.T, diff string) {
	t.Helper()
	var file string
	var before, after []string
	apply := func() {
		if len(before) == 0 {
			return
		}
		lines := func(list []string) string { return "\n" + strings.Join(list, "\n") + "\n" }
		old, text := lines(before), "\n"+r.read(t, file)
		if n := strings.Count(text, old); n != 1 {
			t.Fatalf("%s has these lines %d times:%s", file, n, old)
		}
		r.write(t, file, strings.Replace(text, old, lines(after), 1)[1:])
		before, after = nil, nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(diff, "\n"), "\n") {
		name, begins := strings.CutPrefix(line, "--- ")
		switch {
		case begins:
			apply()
			file = name
		case line == "@@":
			apply()
		case strings.HasPrefix(line, "+"):
			after = append(after, line[1:])
		case strings.HasPrefix(line, "-"):
			before = append(before, line[1:])
		case strings.HasPrefix(line, " "):
			before, after = append(before, line[1:]), append(after, line[1:])
		default:
			t.Fatalf("a line of an edit begins with none of space, + and -: %s", fmt.Sprintf("%q", line))
		}
	}
	apply()
}
