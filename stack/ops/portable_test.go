package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// gnuOnly are options of GNU's commands that those of macOS (BSD's) refuse, or
// understand otherwise. Each has an example that it must find.
var gnuOnly = []struct{ pattern, example string }{
	{`\bsed\b.*\bs(.)[^|;]*\\n`, `sed -e 's/^config:.*/&\n  more/'`}, // a newline in what is put in
	{`\bsed\b( -\S+)* (-i|--in-place)`, `sed -i 's/a/b/'`},
	{`\bsed\b.*(-r\b|-z\b|\\[|+?])`, `sed 's/a\|b/c/'`},
	{`\bgrep\b( -\S+)* -[a-zA-Z]*P`, `grep -oP 'a'`},
	{`\b(readlink|date|stat|cp|mv|du|head|xargs|sort|tar)\b( -\S+)* (-f\b|-d\b|-c\b|-t\b|-T\b|-b\b|-r\b|-V\b|--[a-z]+)`, `readlink -f .`},
	{`\bhead\b( -\S+)* -n ?-`, `head -n -1`},
	{`\bfind\b.*-(printf|regextype)\b`, `find . -printf '%f'`},
	{`(^|[\s|;&(])(nproc|tac|sha256sum|md5sum|timeout|realpath)(\s|$)`, `x | sha256sum`},
	{`\b(base64)\b.*-w`, `base64 -w 0`},
}

// TestCommandsArePortable: what a person runs, by make or from the documents, runs
// on macOS too. What runs in GitHub's workflows alone runs on Linux.
func TestCommandsArePortable(t *testing.T) {
	var rules []*regexp.Regexp
	for _, g := range gnuOnly {
		rule := regexp.MustCompile(g.pattern)
		if !rule.MatchString(g.example) {
			t.Errorf("%s does not find %s", g.pattern, g.example)
		}
		rules = append(rules, rule)
	}
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range append(paths, "../../Makefile", "../../README.md", "../../.ci/run") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		document, inside := strings.HasSuffix(path, ".md"), false
		for i, line := range strings.Split(string(text), "\n") {
			if document && strings.HasPrefix(strings.TrimSpace(line), "```") {
				inside = !inside
			}
			if document && !inside {
				continue
			}
			for _, rule := range rules {
				if found := rule.FindString(line); found != "" {
					t.Errorf("%s:%d: only GNU's commands understand %q", filepath.Base(path), i+1, found)
				}
			}
		}
	}
}
