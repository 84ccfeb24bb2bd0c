package sns

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The limits of a filter policy, from "Filter policy constraints" in the
// developer guide of SNS.
const (
	maxPolicyKeys         = 5
	maxPolicyCombinations = 150
	maxPolicyNumber       = 1e9
)

// policy is one object of a filter policy. It matches what has, for each of its
// keys, a value that one of the key's tests accepts, and what matches at least
// one part of each $or.
type policy struct {
	keys []keyRule
	ors  [][]*policy
}

type keyRule struct {
	name   string
	tests  []test  // of a leaf
	nested *policy // of an object, in policies on the body only
}

// test is one element of a key's list.
type test struct {
	exists  bool             // the key must be there, with a value
	missing bool             // the key must not be there
	value   func(v any) bool // some value of the key must pass; nil with the two above
}

// parsePolicy reads a filter policy. Empty text and {} are no policy: nil. In a
// policy on the body the key a.b means b in a, as it does in the body.
func parsePolicy(text string, onBody bool) (*policy, error) {
	if text == "" {
		return nil, nil // Both are an answer.
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return nil, errors.New("failed to parse JSON, a JSON object is expected")
	}
	if len(object) == 0 {
		return nil, nil
	}
	if onBody {
		nest(object)
	}
	p := &parser{onBody: onBody}
	parsed, combinations, err := p.object(object, 1)
	switch {
	case err != nil:
		return nil, err
	case p.keys > maxPolicyKeys:
		return nil, fmt.Errorf("a filter policy can not have more than %d keys", maxPolicyKeys)
	case combinations > maxPolicyCombinations:
		return nil, fmt.Errorf("a filter policy is too complex: %d combinations of values, %d are allowed", combinations, maxPolicyCombinations)
	}
	return parsed, nil
}

type parser struct {
	onBody bool
	keys   int
}

// object parses one level of the policy. The number of combinations is that of
// AWS: the product, over the keys, of the values times the depth.
func (p *parser) object(object map[string]any, depth int) (*policy, int, error) {
	parsed, combinations := &policy{}, 1
	for name, value := range object {
		if name == "$or" && isOr(value) {
			alternatives, sum, err := p.or(value.([]any), depth) // isOr has seen it.
			if err != nil {
				return nil, 0, err
			}
			parsed.ors = append(parsed.ors, alternatives)
			combinations *= sum
			continue
		}
		rule := keyRule{name: name}
		count := 1
		var err error
		switch value := value.(type) {
		case map[string]any:
			if !p.onBody {
				return nil, 0, fmt.Errorf("%q: the filter policy scope MessageAttributes does not support nested filter policies", name)
			}
			if len(value) == 0 {
				return nil, 0, fmt.Errorf("%q: an empty object is not allowed", name)
			}
			rule.nested, count, err = p.object(value, depth+1)
		case []any:
			p.keys++
			rule.tests, err = parseTests(value)
			count = len(value) * depth
		default:
			err = errors.New("it must be an object or an array")
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%q: %w", name, err)
		}
		combinations = min(combinations*count, 1<<20) // far above the limit, below an overflow
		parsed.keys = append(parsed.keys, rule)
	}
	return parsed, combinations, nil
}

// isOr reports whether $or is the operator, and not a key that happens to be called
// so: it has a list of at least two objects, none of which has an operator as its key.
func isOr(value any) bool {
	list, ok := value.([]any)
	if !ok || len(list) < 2 {
		return false
	}
	for _, element := range list {
		object, ok := element.(map[string]any)
		if !ok || len(object) == 0 {
			return false
		}
		for name := range object {
			if _, reserved := operatorNamed(name); reserved {
				return false
			}
		}
	}
	return true
}

func (p *parser) or(list []any, depth int) ([]*policy, int, error) {
	alternatives, sum := make([]*policy, len(list)), 0
	for i, element := range list {
		parsed, combinations, err := p.object(element.(map[string]any), depth) // isOr has seen it.
		if err != nil {
			return nil, 0, err
		}
		alternatives[i] = parsed
		sum += combinations
	}
	return alternatives, sum, nil
}

// matches evaluates the policy on an object: of message attributes or of a
// body. As on AWS, nothing matches an empty object, not even exists: false.
func (p *policy) matches(object map[string]any) bool {
	return len(object) > 0 && p.all(object)
}

func (p *policy) all(object map[string]any) bool {
	for i := range p.keys {
		if !p.keys[i].matches(object) {
			return false
		}
	}
	for _, alternatives := range p.ors {
		some := false
		for _, alternative := range alternatives {
			some = some || alternative.all(object)
		}
		if !some {
			return false
		}
	}
	return true
}

// matches evaluates the rule. A list stands for each of its elements, in turn: in
// one of them everything that is nested in the rule must hold.
func (rule *keyRule) matches(object map[string]any) bool {
	var values []any
	if value, ok := object[rule.name]; ok {
		values = elements(nil, value)
	}
	missing := len(values) == 0
	for _, v := range values {
		inner, isObject := v.(map[string]any)
		missing = missing || isObject // It is no value.
		if rule.nested != nil && rule.nested.all(inner) {
			return true
		}
	}
	if rule.nested != nil {
		return len(values) == 0 && rule.nested.all(nil)
	}
	for _, t := range rule.tests {
		switch {
		case t.missing && missing, t.exists && hasValue(values):
			return true
		case t.value != nil && slices.ContainsFunc(values, t.value):
			return true
		}
	}
	return false
}

// elements appends what is in the value: in a list, in the lists in it, and so on.
// An empty list is an object without members, which has no value either.
func elements(to []any, value any) []any {
	list, ok := value.([]any)
	switch {
	case !ok:
		return append(to, value)
	case len(list) == 0:
		return append(to, map[string]any(nil))
	}
	for _, element := range list {
		to = elements(to, element)
	}
	return to
}

// hasValue says whether some value is a leaf that is neither null nor empty.
func hasValue(values []any) bool {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			if v != "" {
				return true
			}
		case float64, bool:
			return true
		}
	}
	return false
}

// attributesObject makes of message attributes what a policy is evaluated on.
// Binary attributes count for nothing but the presence of attributes.
func attributesObject(attributes []Attribute) map[string]any {
	object := make(map[string]any, len(attributes))
	for i := range attributes {
		a := &attributes[i]
		switch a.DataType {
		case "String.Array":
			values := []any{}
			_ = json.NewDecoder(strings.NewReader(a.String)).Decode(&values) // What is no list has no values.
			object[a.Name] = values
		case "String":
			object[a.Name] = a.String
		case "Number":
			if n, err := strconv.ParseFloat(a.String, 64); err == nil {
				object[a.Name] = n
			}
		default:
			// No name that a policy could ask for has a NUL.
			object["\x00"] = nil
		}
	}
	return object
}

// bodyObject reads a body as one JSON object, with b in a for a key a.b; nil when
// it is something else.
func bodyObject(body string) map[string]any {
	var object map[string]any
	if json.Unmarshal([]byte(body), &object) != nil {
		return nil
	}
	nest(object)
	return object
}

// nest puts the value of each key a.b, at any depth, under b in a. What is under a
// already stays: the two become a list.
func nest(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			nest(element)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if outer, inner, ok := strings.Cut(name, "."); ok {
				under := map[string]any{inner: value[name]}
				delete(value, name)
				value[outer] = join(value[outer], under)
			}
		}
		for _, under := range value { // after the first loop: each is visited once
			nest(under)
		}
	}
}

// join adds the members of an object to what is there, which may be nothing.
func join(before any, more map[string]any) any {
	object, ok := before.(map[string]any)
	switch {
	case before == nil:
		return more
	case !ok:
		return []any{before, more}
	}
	for name, value := range more {
		if known, ok := object[name]; ok {
			value = []any{known, value}
		}
		object[name] = value
	}
	return object
}
