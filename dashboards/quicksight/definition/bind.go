package definition

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

var timeType = reflect.TypeFor[time.Time]()

// binder puts a document's tree into Go values, and collects what is wrong.
type binder struct {
	file   string
	faults []Fault
	// nodes are the structs that were filled, each before what is in it.
	nodes []node
	in    scope
}

// node is a struct in a document.
type node struct {
	value reflect.Value
	shape *shape
	path  string
	in    scope
}

// scope is where in a definition something stands: on a sheet, in a visual. Both
// are nil outside.
type scope struct {
	sheet  any // *types.SheetDefinition or *types.TooltipSheetDefinition
	visual any // such as *types.BarChartVisual
}

func (b *binder) faultf(p path, format string, args ...any) {
	b.faults = append(b.faults, Fault{File: b.file, Path: p.String(), Problem: fmt.Sprintf(format, args...)})
}

func (b *binder) sorted() []Fault { return sortFaults(b.faults) }

// parse reads the tree of a document.
func (b *binder) parse(data []byte) (any, bool) {
	tree, err := parse(data)
	if err != nil {
		b.faults = append(b.faults, Fault{File: b.file, Problem: err.Error()})
		return nil, false
	}
	return tree, true
}

// bind fills the struct that target points to.
func (b *binder) bind(target any, tree any) {
	b.value(reflect.ValueOf(target).Elem(), tree, root)
}

// value puts a value of the tree into v. It gives false, and leaves v unset, if
// the value as a whole cannot be had.
func (b *binder) value(v reflect.Value, tree any, p path) bool {
	if tree == nil {
		b.faultf(p, "null is no value: leave the member out")
		return false
	}
	if v.Type() == timeType {
		return b.instant(v, tree, p)
	}
	switch v.Kind() {
	case reflect.Pointer:
		elem := reflect.New(v.Type().Elem())
		if !b.value(elem.Elem(), tree, p) {
			return false
		}
		v.Set(elem)
	case reflect.Struct, reflect.Interface, reflect.Map:
		o, ok := is[object](b, tree, p)
		switch {
		case !ok:
			return false
		case v.Kind() == reflect.Interface:
			return b.variant(v, o, p)
		case v.Kind() == reflect.Map:
			b.table(v, o, p)
		default:
			b.structure(v, o, p)
		}
	case reflect.Slice:
		list, ok := is[array](b, tree, p)
		if !ok {
			return false
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, item := range list {
			b.value(v.Index(i), item, p.item(i))
		}
	default:
		return b.scalar(v, tree, p)
	}
	return true
}

// structure fills a struct from an object.
func (b *binder) structure(v reflect.Value, o object, p path) {
	s := shapeOf(v.Type())
	defer func(around scope) { b.in = around }(b.in)
	switch {
	case s.sheet:
		b.in.sheet = v.Addr().Interface()
	case s.visual:
		b.in.visual = v.Addr().Interface()
	}
	b.nodes = append(b.nodes, node{v, s, p.String(), b.in})
	given := make(map[string]bool, len(o))
	known, mistaken := 0, []string(nil)
	for _, m := range o {
		at := p.member(m.name)
		if given[m.name] {
			b.faultf(at, "the member %q comes twice", m.name)
			continue
		}
		given[m.name] = true
		field := s.field(m.name)
		if field < 0 {
			meant := expression.Nearest(m.name, s.names)
			mistaken = append(mistaken, meant)
			if s.partial {
				b.faultf(at, "the member %q is not supported in %s, which has %s", m.name, s.name, strings.Join(s.names, ", "))
				continue
			}
			b.faultf(at, "there is no member %q in %s%s", m.name, s.name, didYouMean(meant))
			continue
		}
		known++
		b.value(v.Field(field), m.value, at)
	}
	for _, name := range s.required {
		// A member that is merely misspelt was named already.
		if !given[name] && !slices.Contains(mistaken, name) {
			b.faultf(p, "the member %s of %s is missing", name, s.name)
		}
	}
	if s.union && known != 1 && (known > 1 || len(mistaken) == 0) {
		b.faultf(p, "exactly one member of %s must be set, not %d: %s", s.name, known, alternatives(s.names))
	}
}

// variant fills an interface from an object with one member, whose name tells the
// type.
func (b *binder) variant(v reflect.Value, o object, p path) bool {
	t := v.Type()
	names := slices.Sorted(maps.Keys(variants[t]))
	if len(o) != 1 {
		b.faultf(p, "exactly one member of %s must be set, not %d: %s", t.Name(), len(o), alternatives(names))
	}
	if len(o) == 0 {
		return false
	}
	m := o[0]
	at := p.member(m.name)
	typ, ok := variants[t][m.name]
	if !ok {
		b.faultf(at, "there is no member %q in %s%s", m.name, t.Name(), didYouMean(expression.Nearest(m.name, names)))
		return false
	}
	found := reflect.New(typ)
	if !b.value(found.Elem().FieldByName("Value"), m.value, at) {
		return false
	}
	v.Set(found)
	return true
}

// table fills a map from an object.
func (b *binder) table(v reflect.Value, o object, p path) {
	t := v.Type()
	v.Set(reflect.MakeMapWithSize(t, len(o)))
	for _, m := range o {
		at := p.member(m.name)
		key := reflect.ValueOf(m.name).Convert(t.Key())
		if v.MapIndex(key).IsValid() {
			b.faultf(at, "the member %q comes twice", m.name)
			continue
		}
		elem := reflect.New(t.Elem()).Elem()
		b.value(elem, m.value, at)
		v.SetMapIndex(key, elem)
	}
}

// scalar fills a text, an enum, a boolean or a number.
func (b *binder) scalar(v reflect.Value, tree any, p path) bool {
	switch v.Kind() {
	case reflect.String:
		text, ok := is[string](b, tree, p)
		if !ok {
			return false
		}
		if values := enumValues(v); values != nil && !slices.Contains(values, text) {
			b.faultf(p, "%q is no %s%s", text, v.Type().Name(), oneOf(text, values))
			return false
		}
		v.SetString(text)
		return true
	case reflect.Bool:
		flag, ok := is[bool](b, tree, p)
		v.SetBool(flag)
		return ok
	case reflect.Int32, reflect.Int64, reflect.Float64:
		number, ok := is[json.Number](b, tree, p)
		if !ok {
			return false
		}
		if err := json.Unmarshal([]byte(number), v.Addr().Interface()); err != nil {
			kind := "integer"
			if v.Kind() == reflect.Float64 {
				kind = "number"
			}
			b.faultf(p, "%s is no %s of %d bits", number, kind, v.Type().Bits())
			return false
		}
		return true
	default:
		// TestSchema sees that no such type is reached.
		b.faultf(p, "%s cannot be read", v.Type())
		return false
	}
}

// instant fills a time from seconds since 1970, the API's form, or from a text as
// in RFC 3339, CloudFormation's form.
func (b *binder) instant(v reflect.Value, tree any, p path) bool {
	var at time.Time
	switch tree := tree.(type) {
	case json.Number:
		seconds, err := tree.Float64()
		if err != nil || math.Abs(seconds) > latest {
			b.faultf(p, "%s is no instant in seconds since 1970", tree)
			return false
		}
		whole, part := math.Modf(seconds)
		// The API has milliseconds; more digits are the noise of a float.
		at = time.Unix(int64(whole), int64(math.Round(part*1e3))*1e6).UTC()
	case string:
		parsed, err := time.Parse(time.RFC3339, tree)
		if err != nil {
			b.faultf(p, "%q is no instant such as 2026-01-31T00:00:00Z", tree)
			return false
		}
		at = parsed.UTC()
	default:
		b.faultf(p, "a number of seconds or an instant such as 2026-01-31T00:00:00Z is wanted, not %s", kind(tree))
		return false
	}
	v.Set(reflect.ValueOf(at))
	return true
}

// latest is the end of the year 9999 in seconds since 1970.
const latest = 253402300799

// is gives the tree as the JSON type T, or a fault.
func is[T any](b *binder, tree any, p path) (T, bool) {
	v, ok := tree.(T)
	if !ok {
		b.faultf(p, "%s is wanted, not %s", kind(any(v)), kind(tree))
	}
	return v, ok
}

// kind names a JSON type.
func kind(tree any) string {
	switch tree.(type) {
	case object:
		return "an object"
	case array:
		return "an array"
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	default:
		return "null"
	}
}

// didYouMean ends a problem with a name, if there is one.
func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return ": did you mean " + name + "?"
}

// oneOf ends a problem with the nearest value or, where none is near, a short
// list of all.
func oneOf(name string, values []string) string {
	if meant := expression.Nearest(name, values); meant != "" || len(values) > 8 {
		return didYouMean(meant)
	}
	return ": it is " + alternatives(values)
}
