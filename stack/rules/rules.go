// Package rules says what must hold of every resource of a stack: the rules of
// Headcount itself, and the controls of AWS Foundational Security Best Practices
// (https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html)
// that apply to what the stack creates. A control that is not kept is an
// exception, with its reason.
//
// Each rule carries mutants, changes that break it: a rule that does not notice
// them is worth nothing, and fails the tests.
package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Stack is what a rule looks at.
type Stack struct {
	Settings  *settings.Settings
	Resources []record.Resource
}

// Rule is one rule.
type Rule struct {
	// ID is the number of the control, such as S3.5, or a name of our own.
	ID string
	// What says what must hold.
	What string
	// Check gives what breaks the rule: the resource, and how.
	Check func(s *Stack) []string
	// Mutants break the rule. One that finds nothing to break in any stack fails
	// the tests.
	Mutants []Mutant
}

// Mutant changes a stack for the worse, and tells whether there was anything to
// change.
type Mutant func(s *Stack) bool

// All are the rules.
func All() []Rule {
	return slices.Concat(everywhere(), policies(), storage(), messaging(), delivery(), catalog(), networks(), workers(), watching(), questions(), shown())
}

// property is a rule on one property of all resources of a type. Its mutants
// take the property away, and set it to each of the wrong values, in every one
// of the resources.
type property struct {
	id, what string
	kind     string
	// only says which of them; nil is all.
	only func(s *Stack, r record.Resource) bool
	// path leads to the property; a number is an index. The first part may be in
	// a property that holds JSON.
	path []any
	want func(v any) bool
	// wrong are values that must not do. absent is whether the property may be
	// missing.
	wrong  []any
	absent bool
	// optional is whether a stack may have no resource of the type.
	optional bool
}

func (p property) rule() Rule {
	rule := Rule{ID: p.id, What: p.what, Check: func(s *Stack) []string {
		var broken []string
		found := false
		for _, r := range p.of(s) {
			found = true
			if v, ok := at(r.Inputs, p.path...); (!ok && !p.absent) || (ok && !p.want(v)) {
				broken = append(broken, fmt.Sprintf("%s %s: %s is %v", r.Type, r.Name, pathText(p.path), v))
			}
		}
		if !found && !p.optional {
			broken = append(broken, "there is no "+p.kind)
		}
		return broken
	}}
	wrong := p.wrong
	if !p.absent {
		wrong = append([]any{nil}, wrong...)
	}
	for _, value := range wrong {
		rule.Mutants = append(rule.Mutants, func(s *Stack) bool { return p.breakLast(s, value) })
	}
	return rule
}

// of gives the resources that the rule is about.
func (p property) of(s *Stack) []record.Resource {
	var of []record.Resource
	for _, r := range s.Resources {
		if r.Type == p.kind && (p.only == nil || p.only(s, r)) {
			of = append(of, r)
		}
	}
	return of
}

// breakLast breaks the last resource that the rule is about.
func (p property) breakLast(s *Stack, value any) bool {
	of := p.of(s)
	if len(of) == 0 {
		return false
	}
	return set(of[len(of)-1].Inputs, value, p.path...)
}

// at follows a path into properties; text on the way is decoded as JSON.
func at(v any, path ...any) (any, bool) {
	for _, part := range path {
		if text, ok := v.(string); ok {
			var tree any
			if json.Unmarshal([]byte(text), &tree) != nil {
				return nil, false
			}
			v = tree
		}
		switch key := part.(type) {
		case string:
			object, _ := v.(map[string]any)
			member, ok := object[key]
			if !ok {
				return nil, false
			}
			v = member
		case int:
			list, _ := v.([]any)
			if key >= len(list) {
				return nil, false
			}
			v = list[key]
		}
	}
	return v, true
}

// set sets what a path leads to, or takes it away for nil, also within JSON. It
// tells whether that changed anything.
func set(v any, value any, path ...any) bool {
	_, ok := with(v, value, path) // maps and lists are changed in place
	return ok
}

// with gives v with the end of the path changed. Maps and lists are changed in
// place; text is written anew, which the caller above stores.
func with(v any, value any, path []any) (any, bool) {
	if len(path) == 0 {
		return value, true
	}
	if text, isText := v.(string); isText {
		var tree any
		if json.Unmarshal([]byte(text), &tree) != nil {
			return v, false
		}
		tree, ok := with(tree, value, path)
		data, err := json.Marshal(tree)
		return string(data), ok && err == nil
	}
	switch key := path[0].(type) {
	case string:
		object, ok := v.(map[string]any)
		if !ok {
			return v, false
		}
		if len(path) == 1 && value == nil {
			_, there := object[key]
			delete(object, key)
			return object, there
		}
		member, ok := with(object[key], value, path[1:])
		if ok {
			object[key] = member
		}
		return object, ok
	case int:
		list, ok := v.([]any)
		if !ok || key >= len(list) {
			return v, false
		}
		member, ok := with(list[key], value, path[1:])
		if ok {
			list[key] = member
		}
		return list, ok
	}
	return v, false
}

func pathText(path []any) string {
	var parts []string
	for _, part := range path {
		parts = append(parts, fmt.Sprint(part))
	}
	return strings.Join(parts, ".")
}

// is compares with a value; a number is a float64, as JSON has it.
func is(want any) func(any) bool {
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	return func(v any) bool { return v == want }
}

func oneOf(want ...string) func(any) bool {
	return func(v any) bool { return slices.Contains(want, fmt.Sprint(v)) }
}

func atLeast(least float64) func(any) bool {
	return func(v any) bool { n, ok := v.(float64); return ok && n >= least }
}

func between(least, most float64) func(any) bool {
	return func(v any) bool { n, ok := v.(float64); return ok && n >= least && n <= most }
}

// given is any text that is not empty.
func given(v any) bool { text, ok := v.(string); return ok && text != "" }

// ofKey is the ARN of a key of KMS.
func ofKey(v any) bool {
	text, ok := v.(string)
	return ok && strings.HasPrefix(text, "arn:aws:kms:") && strings.Contains(text, ":key/")
}

// rulesOf makes rules of properties.
func rulesOf(properties ...property) []Rule {
	var rules []Rule
	for _, p := range properties {
		rules = append(rules, p.rule())
	}
	return rules
}

// find gives the resources of a type.
func (s *Stack) find(kind string) []record.Resource {
	var found []record.Resource
	for _, r := range s.Resources {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	return found
}

// remove takes the first resource of a type away that a function picks.
func remove(kind string, pick func(record.Resource) bool) Mutant {
	return func(s *Stack) bool {
		for i, r := range s.Resources {
			if r.Type == kind && (pick == nil || pick(r)) {
				s.Resources = slices.Delete(s.Resources, i, i+1)
				return true
			}
		}
		return false
	}
}

// named picks a resource by its name.
func named(names ...string) func(record.Resource) bool {
	return func(r record.Resource) bool { return slices.Contains(names, r.Name) }
}

// change sets a property of the first resource of a type that a function picks.
func change(kind string, pick func(record.Resource) bool, value any, path ...any) Mutant {
	return func(s *Stack) bool {
		for _, r := range s.Resources {
			if r.Type == kind && (pick == nil || pick(r)) && set(r.Inputs, value, path...) {
				return true
			}
		}
		return false
	}
}

// text gives a property as text.
func text(r record.Resource, path ...any) string {
	v, ok := at(r.Inputs, path...)
	if !ok || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
