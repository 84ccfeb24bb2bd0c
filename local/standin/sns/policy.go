package sns

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// The limits of a filter policy, from "Filter policy constraints" in the
// developer guide of SNS.
const (
	maxPolicyKeys         = 5
	maxPolicyCombinations = 150
	maxPolicyNumber       = 1e9
)

// policy is one object of a filter policy, by key. It matches what has, for each of
// its keys, values that the key's rule accepts.
type policy map[string]rule

// rule accepts what stands under a key, or not. A list stands for each of its
// elements; a key that is not there has no values.
type rule func(values []any) bool

// leaf accepts one value.
type leaf func(value any) bool

func (accepts leaf) some(values []any) bool { return slices.ContainsFunc(values, accepts) }

// operators are the parsers of the tests that a policy can name, by name. Each reads
// what stands behind the name.
var operators = map[string]func(operand any) (rule, error){
	"anything-but":       parseAnythingBut,
	"equals-ignore-case": onStrings(strings.EqualFold),
	"exists":             parseExists,
	"prefix":             onStrings(strings.HasPrefix),
	"suffix":             onStrings(strings.HasSuffix),
}

// parsePolicy reads a filter policy. Empty text and {} are no policy: nil. In a
// policy on the body the key a.b means b in a, as it does in the body.
func parsePolicy(text string, onBody bool) (policy, error) {
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
	p := &parser{onBody: onBody, combinations: 1}
	parsed, err := p.object(object, 1)
	switch {
	case err != nil:
		return nil, err
	case p.keys > maxPolicyKeys:
		return nil, fmt.Errorf("a filter policy can not have more than %d keys", maxPolicyKeys)
	case p.combinations > maxPolicyCombinations:
		return nil, fmt.Errorf("a filter policy is too complex: %d combinations of values, %d are allowed", p.combinations, maxPolicyCombinations)
	}
	return parsed, nil
}

// parser counts as AWS does: the combinations are the product, over the keys, of the
// values times the depth.
type parser struct {
	onBody             bool
	keys, combinations int
}

// object parses one level of the policy.
func (p *parser) object(object map[string]any, depth int) (policy, error) {
	parsed := policy{}
	for name, value := range object {
		var err error
		if parsed[name], err = p.rule(name, value, depth); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	return parsed, nil
}

func (p *parser) rule(name string, value any, depth int) (rule, error) {
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	switch {
	case name == "$or":
		return nil, errors.New("headcount's stand-in has no $or")
	case isObject && !p.onBody:
		return nil, errors.New("the filter policy scope MessageAttributes does not support nested filter policies")
	case isObject && len(object) > 0:
		inner, err := p.object(object, depth+1)
		return func(values []any) bool {
			return len(values) == 0 && inner.all(nil) || slices.ContainsFunc(values, func(v any) bool {
				object, _ := v.(map[string]any)
				return inner.all(object)
			})
		}, err
	case isList && len(list) > 0:
		p.keys++
		p.combinations = min(p.combinations*len(list)*depth, 1<<20) // far above the limit, below an overflow
		return parseTests(list)
	}
	return nil, errors.New("it must be an object or an array, and not empty")
}

// parseTests makes of a key's list a rule that accepts what one of its elements does.
func parseTests(list []any) (rule, error) {
	tests := make([]rule, len(list))
	for i, element := range list {
		var err error
		if tests[i], err = parseTest(element); err != nil {
			return nil, err
		}
	}
	return func(values []any) bool {
		return slices.ContainsFunc(tests, func(test rule) bool { return test(values) })
	}, nil
}

func parseTest(element any) (rule, error) {
	object, ok := element.(map[string]any)
	if !ok {
		test, err := equals(element)
		return test.some, err
	}
	if len(object) != 1 {
		return nil, errors.New("an object in the list must have one operator")
	}
	for name, operand := range object {
		parse := operators[name]
		if parse == nil {
			known := strings.Join(slices.Sorted(maps.Keys(operators)), ", ")
			return nil, fmt.Errorf("headcount's stand-in does not know the match type %s, but %s", name, known)
		}
		test, err := parse(operand)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return test, nil
	}
	return nil, nil
}

// equals tests for a string, a number, a boolean or null. A number that is
// equal is accepted however it was written: 5, 5.0, 5e0.
func equals(wanted any) (leaf, error) {
	switch n := wanted.(type) {
	case []any:
		return nil, errors.New("match value must be String, number, true, false, or null")
	case float64:
		if n < -maxPolicyNumber || n > maxPolicyNumber {
			return nil, errors.New("a number must be between -10^9 and 10^9")
		}
	}
	return func(v any) bool { return isLeaf(v) && v == wanted }, nil
}

func isLeaf(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// onStrings makes an operator of a comparison of two strings.
func onStrings(compare func(value, wanted string) bool) func(any) (rule, error) {
	return func(operand any) (rule, error) {
		wanted, ok := operand.(string)
		if !ok || wanted == "" {
			return nil, errors.New("want a string that is not empty")
		}
		return leaf(func(v any) bool {
			s, ok := v.(string)
			return ok && compare(s, wanted)
		}).some, nil
	}
}

// parseExists reads true, for a leaf that is neither null nor empty, or false, for no
// value at all, or none but objects.
func parseExists(operand any) (rule, error) {
	exists, ok := operand.(bool)
	switch {
	case !ok:
		return nil, errors.New("want true or false")
	case exists:
		return leaf(func(v any) bool { return isLeaf(v) && v != nil && v != "" }).some, nil
	}
	return func(values []any) bool {
		return len(values) == 0 || slices.ContainsFunc(values, func(v any) bool { return !isLeaf(v) })
	}, nil
}

// parseAnythingBut reads a string or number, a list of them, or an object with
// prefix.
func parseAnythingBut(operand any) (rule, error) {
	if object, ok := operand.(map[string]any); ok {
		if len(object) != 1 || object["prefix"] == nil {
			return nil, errors.New("want prefix, or values")
		}
		has, err := onStrings(strings.HasPrefix)(object["prefix"])
		return leaf(func(v any) bool { return isLeaf(v) && !has([]any{v}) }).some, err
	}
	unwanted, isList := operand.([]any)
	if !isList {
		unwanted = []any{operand}
	}
	if len(unwanted) == 0 {
		return nil, errors.New("an empty list is not allowed")
	}
	for _, element := range unwanted {
		_, isString := element.(string)
		if _, isNumber := element.(float64); !isNumber && !isString {
			return nil, errors.New("want strings and numbers")
		}
		if _, err := equals(element); err != nil {
			return nil, err
		}
	}
	return leaf(func(v any) bool { return isLeaf(v) && !slices.Contains(unwanted, v) }).some, nil
}

// matches evaluates the policy on an object: of message attributes or of a
// body. As on AWS, nothing matches an empty object, not even exists: false.
func (p policy) matches(object map[string]any) bool { return len(object) > 0 && p.all(object) }

func (p policy) all(object map[string]any) bool {
	for name, accepts := range p {
		var values []any
		if value, ok := object[name]; ok {
			values = elements(nil, value)
		}
		if !accepts(values) {
			return false
		}
	}
	return true
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

// attributesObject makes of message attributes what a policy is evaluated on.
// Binary attributes count for nothing but the presence of attributes.
func attributesObject(attributes map[string]sqs.Value) map[string]any {
	object := make(map[string]any, len(attributes))
	for name, a := range attributes {
		switch a.DataType {
		case "String.Array":
			values := []any{}
			_ = json.NewDecoder(strings.NewReader(a.StringValue)).Decode(&values) // What is no list has no values.
			object[name] = values
		case "String":
			object[name] = a.StringValue
		case "Number":
			if n, err := strconv.ParseFloat(a.StringValue, 64); err == nil {
				object[name] = n
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
