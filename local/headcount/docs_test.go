package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/shared/event"
)

const root = "../.."

const simulateInterval = 30 * time.Second

var simulateStart = time.Date(2026, 1, 12, 7, 0, 0, 0, time.UTC)

// document gives the text of a document, by its path in the repository.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name))) //nolint:gosec // the repository's own
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fenced is a fenced block of a document: its language with what follows it, and its
// text with a newline at the end.
type fenced struct{ info, text string }

var fence = regexp.MustCompile("(?ms)^ *```([^\n]*)\n(.*?)^ *```$")

func blocks(doc string) (all []fenced) {
	for _, b := range fence.FindAllStringSubmatch(doc, -1) {
		all = append(all, fenced{b[1], b[2]})
	}
	return all
}

// block gives the only block of a language.
func block(t *testing.T, doc, info string) string {
	t.Helper()
	var found []string
	for _, b := range blocks(doc) {
		if b.info == info {
			found = append(found, b.text)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of %s, want 1", len(found), info)
	}
	return found[0]
}

// documents gives the paths of all documents in the repository.
func documents(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d, %v", pattern, len(found), err)
		}
		names = append(names, found...)
	}
	return names
}

// TestReadme: whoever copies the event of the README and types its commands gets the
// rows that it shows.
func TestReadme(t *testing.T) {
	doc := document(t, "README.md")
	sample1 := block(t, doc, "json")
	d := event.NewDecoder()
	d.Reset(strings.TrimSuffix(sample1, "\n"))
	if !d.Next() || strings.Count(sample1, "\n") != 1 {
		t.Fatalf("no event in a line: %q", sample1)
	}
	if fault := d.Check(event.Arrival{At: time.Now().UnixMilli()}); fault != (event.Fault{}) {
		t.Errorf("it breaks the contract: %v", fault)
	}
	all := blocks(doc)
	at := slices.IndexFunc(all, func(b fenced) bool { return strings.HasPrefix(b.text, "headcount run ") })
	if at < 0 || at+1 >= len(all) {
		t.Fatal("the commands after the event, and what they print, are not there")
	}
	replace := strings.NewReplacer("events.ndjson", write(t, sample1), "local/headcount/sample/places.csv", write(t, sample.Places), "data/one", filepath.Join(t.TempDir(), "one"))
	for range 2 { // the same file again gives the same rows
		var out string
		for line := range strings.Lines(all[at].text) {
			code, stdout, stderr := headcount(t, "", words(replace.Replace(strings.TrimSpace(strings.TrimPrefix(line, "headcount "))))...)
			if code != exitDone {
				t.Fatalf("%s: exit %d, %s", line, code, stderr)
			}
			out = stdout
		}
		if out != all[at+1].text {
			t.Errorf("the README shows\n%s, it is\n%s", all[at+1].text, out)
		}
	}
}

// TestDocumentedCommands: what documents show after a prompt is parsed by the command.
func TestDocumentedCommands(t *testing.T) {
	parsed := 0
	for _, name := range documents(t) {
		for _, b := range blocks(document(t, name)) {
			if b.info != "sh" {
				continue
			}
			text := strings.ReplaceAll(b.text, "\\\n", " ")
			for line := range strings.Lines(text) {
				for part := range strings.SplitSeq(strings.TrimSpace(line), " | ") {
					part, _, _ = strings.Cut(part, "  #")
					args, found := strings.CutPrefix(strings.TrimPrefix(part, "go run ./local/"), "headcount ")
					if !found {
						continue
					}
					parsed++
					if _, err := parse(streams{}, words(args)); err != nil {
						t.Errorf("%s: %s: %v", name, part, err)
					}
				}
			}
		}
	}
	if parsed < 8 {
		t.Errorf("only %d commands were found", parsed)
	}
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	notInSlugs = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks: what a document links to is there, its headings too.
func TestLinks(t *testing.T) {
	anchors := func(name string) (all []string) {
		for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(document(t, name), ""), -1) {
			all = append(all, strings.ReplaceAll(notInSlugs.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
		}
		return all
	}
	for _, name := range documents(t) {
		for _, l := range link.FindAllStringSubmatch(fence.ReplaceAllString(document(t, name), ""), -1) {
			target, anchor, _ := strings.Cut(l[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is not there", name, l[1])
			} else if anchor != "" && !slices.Contains(anchors(to), anchor) {
				t.Errorf("%s: %s has no heading of that name", name, l[1])
			}
		}
	}
}

// TestPicture: the picture of the README was drawn from the text beside it.
func TestPicture(t *testing.T) {
	hash, err := exec.CommandContext(t.Context(), "git", "hash-object", "--no-filters", root+"/docs/images/pipeline.d2").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "<!-- pipeline.d2 " + string(bytes.TrimSpace(hash)) + " -->\n"; !strings.HasSuffix(document(t, "docs/images/pipeline.svg"), want) {
		t.Errorf("pipeline.svg does not end with %q: `make picture` draws it", want)
	}
}
