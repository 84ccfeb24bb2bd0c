package sns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// operatorNamed finds the parser of a test that a policy can name. The parser
// reads what stands behind the name.
func operatorNamed(name string) (parse func(operand any) (test, error), ok bool) {
	switch name {
	case "anything-but":
		return parseAnythingBut, true
	case "cidr":
		return parseCIDR, true
	case "equals-ignore-case":
		return onStrings(strings.EqualFold), true
	case "exists":
		return parseExists, true
	case "numeric":
		return parseNumeric, true
	case "prefix":
		return onStrings(strings.HasPrefix), true
	case "suffix":
		return onStrings(strings.HasSuffix), true
	}
	return nil, false
}

func parseTests(list []any) ([]test, error) {
	if len(list) == 0 {
		return nil, errors.New("an empty list is not allowed")
	}
	tests := make([]test, len(list))
	for i, element := range list {
		var err error
		if tests[i], err = parseTest(element); err != nil {
			return nil, err
		}
	}
	return tests, nil
}

func parseTest(element any) (test, error) {
	object, ok := element.(map[string]any)
	if !ok {
		return equals(element)
	}
	if len(object) != 1 {
		return test{}, errors.New("an object in the list must have one operator")
	}
	for name, operand := range object {
		parse, ok := operatorNamed(name)
		if !ok {
			return test{}, fmt.Errorf("unrecognized match type %s", name)
		}
		t, err := parse(operand)
		if err != nil {
			return test{}, fmt.Errorf("%s: %w", name, err)
		}
		return t, nil
	}
	return test{}, nil
}

// equals tests for a string, a number, a boolean or null. A number that is
// equal is accepted however it was written: 5, 5.0, 5e0.
func equals(wanted any) (test, error) {
	switch n := wanted.(type) {
	case []any:
		return test{}, errors.New("match value must be String, number, true, false, or null")
	case float64:
		if err := checkNumber(n); err != nil {
			return test{}, err
		}
	}
	return test{value: func(v any) bool { return isLeaf(v) && v == wanted }}, nil
}

func isLeaf(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func checkNumber(n float64) error {
	if n < -maxPolicyNumber || n > maxPolicyNumber {
		return errors.New("a number must be between -10^9 and 10^9")
	}
	return nil
}

// onStrings makes an operator of a comparison of two strings.
func onStrings(compare func(value, wanted string) bool) func(any) (test, error) {
	return func(operand any) (test, error) {
		wanted, ok := operand.(string)
		if !ok || wanted == "" {
			return test{}, errors.New("want a string that is not empty")
		}
		return test{value: func(v any) bool {
			s, ok := v.(string)
			return ok && compare(s, wanted)
		}}, nil
	}
}

func parseExists(operand any) (test, error) {
	exists, ok := operand.(bool)
	if !ok {
		return test{}, errors.New("want true or false")
	}
	return test{exists: exists, missing: !exists}, nil
}

func parseCIDR(operand any) (test, error) {
	text, ok := operand.(string)
	if !ok {
		return test{}, errors.New("want a string")
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return test{}, errors.New("malformed CIDR, one slash is required")
	}
	return test{value: func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		address, err := netip.ParseAddr(s)
		return err == nil && network.Contains(address)
	}}, nil
}

// parseAnythingBut reads a string or number, a list of them, or an object with
// prefix.
func parseAnythingBut(operand any) (test, error) {
	var not []test
	switch operand := operand.(type) {
	case map[string]any:
		if len(operand) != 1 || operand["prefix"] == nil {
			return test{}, errors.New("want prefix, or values")
		}
		t, err := parseTest(operand)
		if err != nil {
			return test{}, err
		}
		not = []test{t}
	case []any:
		if len(operand) == 0 {
			return test{}, errors.New("an empty list is not allowed")
		}
		for _, element := range operand {
			t, err := parseUnwanted(element)
			if err != nil {
				return test{}, err
			}
			not = append(not, t)
		}
	default:
		t, err := parseUnwanted(operand)
		if err != nil {
			return test{}, err
		}
		not = []test{t}
	}
	return test{value: func(v any) bool {
		for _, t := range not {
			if t.value(v) {
				return false
			}
		}
		return isLeaf(v)
	}}, nil
}

func parseUnwanted(element any) (test, error) {
	switch element.(type) {
	case string, float64:
		return equals(element)
	}
	return test{}, errors.New("want strings and numbers")
}

// parseNumeric reads ["=", n], one bound such as [">=", n], or a range: a lower
// bound and then an upper one.
func parseNumeric(operand any) (test, error) {
	list, ok := operand.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return test{}, errors.New("want a list of one or two comparisons")
	}
	compare := func(i int) (string, func(float64) bool, float64, error) {
		name, isName := list[i].(string)
		bound, isNumber := list[i+1].(float64)
		if !isName || !isNumber {
			return "", nil, 0, errors.New("a comparison is an operator and a number")
		}
		f, ok := map[string]func(n float64) bool{
			"=":  func(n float64) bool { return n == bound },
			"<":  func(n float64) bool { return n < bound },
			"<=": func(n float64) bool { return n <= bound },
			">":  func(n float64) bool { return n > bound },
			">=": func(n float64) bool { return n >= bound },
		}[name]
		if !ok {
			return "", nil, 0, fmt.Errorf("unrecognized numeric range operator %s", name)
		}
		return name, f, bound, checkNumber(bound)
	}
	name, lower, from, err := compare(0)
	if err != nil {
		return test{}, err
	}
	upper := lower
	if len(list) == 4 {
		second, f, to, err := compare(2)
		if err != nil {
			return test{}, err
		}
		if name[0] != '>' || second[0] != '<' || from >= to {
			return test{}, errors.New("a range is a lower bound, and then an upper one that is greater")
		}
		upper = f
	}
	return test{value: func(v any) bool {
		n, ok := v.(float64)
		return ok && lower(n) && upper(n)
	}}, nil
}
