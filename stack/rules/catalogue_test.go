package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Stack is what a rule looks at.
type Stack struct {
	Settings  *settings.Settings
	Resources []record.Resource
}

// New copies recorded resources. Inputs that hold JSON as text, such as policies,
// are decoded, so that a path leads into them.
func New(s *settings.Settings, resources []record.Resource) *Stack {
	c := &Stack{Settings: s}
	for _, r := range resources {
		options := record.Options{}
		if r.Options != nil {
			options = *r.Options
		}
		c.Resources = append(c.Resources, record.Resource{Type: r.Type, Name: r.Name, Inputs: decoded(r.Inputs).(map[string]any), Options: &options})
	}
	return c
}

func decoded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := map[string]any{}
		for key, member := range v {
			c[key] = decoded(member)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, member := range v {
			c[i] = decoded(member)
		}
		return c
	case string:
		var tree any
		if strings.ContainsAny(v[:min(1, len(v))], "{[") && json.Unmarshal([]byte(v), &tree) == nil {
			return tree
		}
	}
	return v
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

// Mutant changes a stack for the worse, and reports whether there was anything to
// change.
type Mutant func(s *Stack) bool

// All are the rules.
func All() []Rule {
	rules := slices.Concat(everywhere(), policies(), buckets(), messages(), catalog(), networks(), tasks(), watching(), quickSight())
	for _, p := range properties {
		rules = append(rules, p.rule())
	}
	return rules
}

// property is a rule on one property of all resources of a type. Its mutants remove
// the property, and set it to each of the wrong values.
type property struct {
	id, kind, path string
	want           func(v any) bool
	wrong          []any
	what           string
	only           func(r record.Resource) bool // which of them; nil is all
	absent         bool                         // the property may be missing
	optional       bool                         // a stack may have no resource of the type
}

func (p property) rule() Rule {
	about := func(r record.Resource) bool { return p.only == nil || p.only(r) }
	rule := Rule{ID: p.id, What: p.what, Check: func(s *Stack) (broken []string) {
		found := false
		for _, r := range s.find(p.kind) {
			if !about(r) {
				continue
			}
			found = true
			if v := at(r.Inputs, p.path); v == nil && !p.absent || v != nil && !p.want(v) {
				broken = append(broken, fmt.Sprintf("%s %s: %s is %v", r.Type, r.Name, p.path, v))
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
		rule.Mutants = append(rule.Mutants, change(p.kind, about, value, p.path))
	}
	return rule
}

// at gives the property at a path such as rules.0.status, or nil.
func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// text gives a property as text; "" is none.
func text(r record.Resource, path string) string {
	if v := at(r.Inputs, path); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// change sets a property of the first resource of a type that a function picks, or
// removes it for nil.
func change(kind string, pick func(record.Resource) bool, value any, path string) Mutant {
	return func(s *Stack) bool {
		for _, r := range s.find(kind) {
			parent, last := any(r.Inputs), path
			if i := strings.LastIndex(path, "."); i >= 0 {
				parent, last = at(r.Inputs, path[:i]), path[i+1:]
			}
			if pick != nil && !pick(r) || parent == nil {
				continue
			}
			switch in := parent.(type) {
			case map[string]any:
				if _, there := in[last]; !there && value == nil {
					continue
				}
				in[last] = value
				if value == nil {
					delete(in, last)
				}
				return true
			case []any:
				if i, err := strconv.Atoi(last); err == nil && i < len(in) {
					in[i] = value
					return true
				}
			}
		}
		return false
	}
}

// option changes what Pulumi itself knows of the first resource of a type.
func option(kind string, pick func(record.Resource) bool, edit func(*record.Options)) Mutant {
	return func(s *Stack) bool {
		for _, r := range s.find(kind) {
			if pick == nil || pick(r) {
				edit(r.Options)
				return true
			}
		}
		return false
	}
}

// remove removes the first resource of a type that a function picks.
func remove(kind string, pick func(record.Resource) bool) Mutant {
	return func(s *Stack) bool {
		i := slices.IndexFunc(s.Resources, func(r record.Resource) bool { return r.Type == kind && (pick == nil || pick(r)) })
		if i >= 0 {
			s.Resources = slices.Delete(s.Resources, i, i+1)
		}
		return i >= 0
	}
}

// add adds a resource.
func add(r record.Resource) Mutant {
	return func(s *Stack) bool {
		r.Options = &record.Options{Provider: true}
		s.Resources = append(s.Resources, r)
		return true
	}
}

// find gives the resources of a type.
func (s *Stack) find(kind string) (found []record.Resource) {
	for _, r := range s.Resources {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	return found
}

// named picks resources by their names, and ending by the ends of them.
func named(names ...string) func(record.Resource) bool {
	return func(r record.Resource) bool { return slices.Contains(names, r.Name) }
}

func ending(end string) func(record.Resource) bool {
	return func(r record.Resource) bool { return strings.HasSuffix(r.Name, end) }
}

func not(pick func(record.Resource) bool) func(record.Resource) bool {
	return func(r record.Resource) bool { return !pick(r) }
}

// is compares with a value; a number is a float64, as JSON has it.
func is(want any) func(any) bool {
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	return func(v any) bool { return v == want }
}

func atLeast(least float64) func(any) bool {
	return func(v any) bool { n, ok := v.(float64); return ok && n >= least }
}

// given is anything that is not empty.
func given(v any) bool { return v != "" }

// never is for a property that must be missing.
func never(any) bool { return false }

// contains is text, or a tree as text, with some part in it.
func contains(part string) func(any) bool {
	return func(v any) bool { return strings.Contains(fmt.Sprint(v), part) }
}

// ofKey is the ARN of a key of KMS.
func ofKey(v any) bool {
	text, ok := v.(string)
	return ok && strings.HasPrefix(text, "arn:aws:kms:") && strings.Contains(text, ":key/")
}
