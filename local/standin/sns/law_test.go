package sns

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPoliciesAgreeWithFlatBodies: a policy on the body means the same however
// the keys of policy and body are written, nested or with dots, and however deep
// lists are in lists. It matches when some way to choose one element from each
// list gives an object, all of it flat, that has what the policy asks for.
func TestPoliciesAgreeWithFlatBodies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := drawObject(t, 3)
		flat := map[string]any{}
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			path := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 3).Draw(t, "path"), ".")
			// A key cannot have both a list of tests and members.
			if !slices.ContainsFunc(slices.Collect(maps.Keys(flat)), func(other string) bool {
				return strings.HasPrefix(other+".", path+".") || strings.HasPrefix(path+".", other+".")
			}) {
				flat[path] = rapid.SampledFrom([]any{
					[]any{"x"}, []any{map[string]any{"anything-but": "x"}}, []any{map[string]any{"exists": false}}, []any{map[string]any{"exists": true}},
				}).Draw(t, "tests")
			}
		}
		want := slices.ContainsFunc(flatten(body, "", []map[string]any{{}}), func(choice map[string]any) bool { return holds(flat, choice) })

		policy, dotted := text(t, someNested(t, flat)), text(t, someDots(t, body))
		parsed, err := parsePolicy(policy, true)
		if err != nil {
			t.Fatal(policy, err)
		}
		if got := parsed.matches(bodyObject(dotted)); got != want {
			t.Fatalf("%s on %s, which is %s: %t, want %t", policy, dotted, text(t, body), got, want)
		}
	})
}

func text(t *rapid.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// drawObject makes an object that is not empty.
func drawObject(t *rapid.T, depth int) map[string]any {
	object := map[string]any{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID).Draw(t, "keys") {
		object[name] = drawValue(t, depth)
	}
	return object
}

func drawValue(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
	case kind < 3 || depth == 0:
		return rapid.SampledFrom([]any{"x", "y", 1., true}).Draw(t, "leaf")
	case kind < 5:
		return drawObject(t, depth-1)
	default:
		list := make([]any, rapid.IntRange(0, 2).Draw(t, "elements"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	}
}

// flatten gives, of each choice so far, one for each element of each list.
func flatten(value any, path string, choices []map[string]any) []map[string]any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			choices = flatten(member, strings.TrimPrefix(path+"."+name, "."), choices)
		}
		return choices
	case []any:
		if len(value) == 0 {
			return choices
		}
		var all []map[string]any
		for _, element := range value {
			all = append(all, flatten(element, path, choices)...)
		}
		return all
	}
	chosen := make([]map[string]any, len(choices))
	for i, choice := range choices {
		chosen[i] = maps.Clone(choice)
		chosen[i][path] = value
	}
	return chosen
}

func holds(policy, choice map[string]any) bool {
	for path, tests := range policy {
		value, found := choice[path]
		switch want := tests.([]any)[0].(type) {
		case string:
			if value != want {
				return false
			}
		case map[string]any:
			if exists, ok := want["exists"]; ok && exists != found || !ok && (!found || value == "x") {
				return false
			}
		}
	}
	return true
}

// someNested nests some of the keys at some of their dots.
func someNested(t *rapid.T, flat map[string]any) map[string]any {
	object := map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(flat)) {
		into, name := object, path
		for {
			outer, inner, ok := strings.Cut(name, ".")
			if !ok || !rapid.Bool().Draw(t, "nest") {
				break
			}
			if into[outer] == nil {
				into[outer] = map[string]any{}
			}
			into, name = into[outer].(map[string]any), inner
		}
		into[name] = flat[path]
	}
	return object
}

// someDots writes some of the nested keys with dots.
func someDots(t *rapid.T, value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = someDots(t, value[i])
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			member := someDots(t, value[name])
			if inner, ok := member.(map[string]any); ok && rapid.Bool().Draw(t, "dot") {
				for key, below := range inner {
					object[name+"."+key] = below
				}
				continue
			}
			object[name] = member
		}
		return object
	}
	return value
}
