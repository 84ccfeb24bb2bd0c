package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	// maxComment is the most that GitHub accepts in a comment, in characters. Bytes
	// are counted, which are never fewer.
	maxComment = 65536
	// maxValue is how many runes of a value are shown.
	maxValue = 200
	// marker is the comment's first line, by which the workflow finds it again.
	marker = "<!-- headcount changes -->\n"
)

type changesCommand struct {
	Base string `required:"" placeholder:"REVISION" help:"The revision to compare with, such as origin/main."`
}

// Run prints what differs between the committed lists of a revision and those in
// the folder.
func (c *changesCommand) Run(ctx context.Context, stdout io.Writer) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	before, err := committed(ctx, root, c.Base)
	if err != nil {
		return err
	}
	after, err := present(root)
	if err != nil {
		return err
	}
	text, err := changes(before, after)
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, cut(text, maxComment))
	return err
}

// lists are where the lists of resources and the templates are, from the root.
var lists = []string{"stack/testdata/resources.*.json", "stack/testdata/templates/*.json"}

// committed reads the lists of a revision, by their paths.
func committed(ctx context.Context, root, base string) (map[string][]byte, error) {
	commit, err := git(ctx, root, "rev-parse", "--verify", "--end-of-options", base+"^{commit}")
	if err != nil {
		return nil, err
	}
	id := strings.TrimSpace(string(commit))
	paths, err := git(ctx, root, "ls-tree", "-r", "--name-only", id, "--", "stack/testdata")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, path := range strings.Fields(string(paths)) {
		if !slices.ContainsFunc(lists, func(pattern string) bool { ok, _ := filepath.Match(pattern, path); return ok }) {
			continue
		}
		if files[path], err = git(ctx, root, "show", id+":"+path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// present reads the lists in the folder, by their paths.
func present(root string) (map[string][]byte, error) {
	files, tree := map[string][]byte{}, os.DirFS(root)
	for _, pattern := range lists {
		paths, err := fs.Glob(tree, pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if files[path], err = fs.ReadFile(tree, path); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

func git(ctx context.Context, root string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "git", args...) //nolint:gosec // git's own arguments, and a revision that rev-parse gave
	c.Dir = root
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// changes gives Markdown that names, file by file, what was added, removed and changed.
func changes(before, after map[string][]byte) (string, error) {
	var b strings.Builder
	b.WriteString(marker)
	for _, path := range sortedKeys(before, after) {
		old, err := items(path, before[path])
		if err != nil {
			return "", fmt.Errorf("before: %w", err)
		}
		now, err := items(path, after[path])
		if err != nil {
			return "", err
		}
		if lines := compare(old, now); lines != "" {
			fmt.Fprintf(&b, "### %s\n\n%s\n", code(path), lines)
		}
	}
	if b.Len() == len(marker) {
		b.WriteString("The committed lists of resources and templates are unchanged.\n")
	}
	return b.String(), nil
}

// items gives a file's properties by path, for each resource by its type and
// name; a template is one item.
func items(path string, text []byte) (map[string]map[string]string, error) {
	found := map[string]map[string]string{}
	if text == nil {
		return found, nil
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	list, ok := document.([]any)
	if !ok {
		list = []any{document}
	}
	for i, item := range list {
		name := "the template"
		if ok {
			resource, _ := item.(map[string]any)
			if resource["type"] == nil || resource["name"] == nil {
				return nil, fmt.Errorf("%s: item %d has no type or no name", path, i)
			}
			name = fmt.Sprint(resource["type"], " ", resource["name"])
		}
		if found[name] != nil {
			return nil, fmt.Errorf("%s: %s occurs twice", path, name)
		}
		found[name] = map[string]string{}
		flatten("", item, found[name])
	}
	return found, nil
}

// flatten notes every leaf of a value by its path. A string that holds a JSON
// object or array, such as a policy, is read as what it holds.
func flatten(path string, value any, into map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(strings.TrimPrefix(path+"."+key, "."), inner, into)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, inner := range v {
			flatten(fmt.Sprintf("%s[%d]", path, i), inner, into)
		}
		if len(v) > 0 {
			return
		}
	case string:
		var inner any
		if strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
			if json.Unmarshal([]byte(v), &inner) == nil {
				flatten(path, inner, into)
				return
			}
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // what was decoded from JSON can be encoded
	into[path] = strings.TrimSpace(text.String())
}

// sortedKeys gives the keys of both maps, sorted.
func sortedKeys[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

// compare lists the items that were added, removed and changed, the last property
// by property.
func compare(old, now map[string]map[string]string) string {
	var b strings.Builder
	for _, name := range sortedKeys(old, now) {
		switch {
		case old[name] == nil:
			fmt.Fprintf(&b, "- added %s\n", code(name))
			continue
		case now[name] == nil:
			fmt.Fprintf(&b, "- removed %s\n", code(name))
			continue
		case !maps.Equal(old[name], now[name]):
			fmt.Fprintf(&b, "- changed %s\n", code(name))
		}
		for _, path := range sortedKeys(old[name], now[name]) {
			was, had := old[name][path]
			is, has := now[name][path]
			switch {
			case !had:
				fmt.Fprintf(&b, "  - %s: added %s\n", code(path), code(is))
			case !has:
				fmt.Fprintf(&b, "  - %s: removed %s\n", code(path), code(was))
			case was != is:
				fmt.Fprintf(&b, "  - %s: %s → %s\n", code(path), code(was), code(is))
			}
		}
	}
	return b.String()
}

// code is a value as Markdown's code, at most maxValue runes of it. Its fence is
// longer than any run of backticks inside, so that no value ends it.
func code(value string) string {
	if runes := []rune(value); len(runes) > maxValue {
		value = string(runes[:maxValue]) + "…"
	}
	if !strings.Contains(value, "`") {
		return "`" + value + "`"
	}
	fence := "`"
	for strings.Contains(value, fence) {
		fence += "`"
	}
	return fence + " " + value + " " + fence
}

// cut keeps whole lines, at most so many bytes, and says so where some are missing.
func cut(text string, most int) string {
	const note = "\nCut here, as GitHub accepts no more than 65,536 characters: `git diff` of stack/testdata shows all.\n"
	if len(text) <= most {
		return text
	}
	text = text[:most-len(note)]
	return text[:strings.LastIndex(text, "\n")+1] + note
}
