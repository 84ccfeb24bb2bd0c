package main

import (
	"strings"
	"testing"
)

func TestChanges(t *testing.T) {
	const path = "stack/testdata/resources.dev.json"
	resource := func(inputs string) string { return `[{"type":"t","name":"n","inputs":` + inputs + `}]` }
	for name, c := range map[string]struct{ before, after, want string }{
		"unchanged":  {resource(`{"a":1}`), resource(`{"a":1}`), "The committed lists of resources and templates are unchanged.\n"},
		"added":      {"[]", resource(`{"a":1}`), "### `" + path + "`\n\n- added `t n`\n\n"},
		"removed":    {resource(`{"a":1}`), "[]", "### `" + path + "`\n\n- removed `t n`\n\n"},
		"changed":    {resource(`{"a":1,"b":[2]}`), resource(`{"a":1,"b":[3]}`), "### `" + path + "`\n\n- changed `t n`\n  - `inputs.b[0]`: `2` → `3`\n\n"},
		"property":   {resource(`{"a":1}`), resource(`{"b":1}`), "### `" + path + "`\n\n- changed `t n`\n  - `inputs.a`: removed `1`\n  - `inputs.b`: added `1`\n\n"},
		"policy":     {resource(`{"p":"{\"S\":[{\"A\":\"x\"}]}"}`), resource(`{"p":"{\"S\":[{\"A\":\"<y>\"}]}"}`), "### `" + path + "`\n\n- changed `t n`\n  - `inputs.p.S[0].A`: `\"x\"` → `\"<y>\"`\n\n"},
		"same JSON":  {resource(`{"p":"{\"a\":1,\"b\":2}"}`), resource(`{"p":"{\"b\":2, \"a\":1}"}`), "The committed lists of resources and templates are unchanged.\n"},
		"backticks":  {resource(`{"a":""}`), resource("{\"a\":\"``\"}"), "### `" + path + "`\n\n- changed `t n`\n  - `inputs.a`: `\"\"` → ``` \"``\" ```\n\n"},
		"empty list": {resource(`{"a":[]}`), resource(`{"a":[1]}`), "### `" + path + "`\n\n- changed `t n`\n  - `inputs.a`: removed `[]`\n  - `inputs.a[0]`: added `1`\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := changes(map[string][]byte{path: []byte(c.before)}, map[string][]byte{path: []byte(c.after)})
			if err != nil || got != marker+c.want {
				t.Errorf("got %v:\n%s\nwant\n%s", err, got, c.want)
			}
		})
	}
}

func TestChangesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{":            "p: unexpected end",
		`[{"type":1}]`: "item 0 has no type or no name",
		`[{"type":"t","name":"n"},{"type":"t","name":"n"}]`: "t n occurs twice",
	} {
		if _, err := changes(nil, map[string][]byte{"p": []byte(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestCut(t *testing.T) {
	long := strings.Repeat("- a line → another\n", 10000)
	got := cut(long, maxComment)
	if len(got) > maxComment || len(got) < maxComment-200 || !strings.Contains(got, "another\n\nCut here") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-200:])
	}
	if cut("short\n", maxComment) != "short\n" {
		t.Error("a short text was cut")
	}
}
