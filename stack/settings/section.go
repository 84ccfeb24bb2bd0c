package settings

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// section reads the members of one object of the configuration and notes what
// is wrong with them. Reading goes on after a fault, so that every one is found.
type section struct {
	// path begins the names of members in faults: headcount:flows[0].
	path   string
	values map[string]any // a scalar, a []any or a map[string]any
	known  map[string]bool
	faulty map[string]bool
	faults *[]string
	// root is the repository.
	root string
}

func newSection(path string, values map[string]any, faults *[]string, root string) *section {
	return &section{path, values, map[string]bool{}, map[string]bool{}, faults, root}
}

// plainName is a name that can stand in a fault as it is.
var plainName = regexp.MustCompile(`^[][A-Za-z0-9_.-]{1,60}$`)

// fault notes what is wrong with a member; what reads on after its name. One
// fault of a member is enough: the next would be a consequence of the first.
func (s *section) fault(name, what string) {
	if s.faulty[name] {
		return
	}
	s.faulty[name] = true
	if !plainName.MatchString(name) {
		name = show(name)
	}
	*s.faults = append(*s.faults, s.path+name+" "+what)
}

// sound reports whether nothing is wrong with members so far, so that they can be
// compared.
func (s *section) sound(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return s.faulty[name] })
}

func (s *section) bad(name string, value any, want string) {
	s.fault(name, fmt.Sprintf("is %s: must be %s", show(value), want))
}

// show quotes a value, cut where it is long.
func show(value any) string {
	const most = 60
	text := fmt.Sprint(value)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}

// scalar gives a member as text; ok is false where it is not there.
func (s *section) scalar(name string) (text string, ok bool) {
	s.known[name] = true
	switch value := s.values[name].(type) {
	case nil:
		return "", false
	case []any, map[string]any:
		s.bad(name, value, "a single value")
		return "", false
	case float64: // as JSON decodes every number
		return strconv.FormatFloat(value, 'f', -1, 64), true
	default:
		return fmt.Sprint(value), true
	}
}

// fill reads the fields of a struct as their tags say, checks them together, and
// notes the members that nothing has asked for.
func (s *section) fill(into interface{ check(s *section) }) {
	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.Tag.Get("key") != "" {
			s.field(v.Field(i), field.Tag)
		}
	}
	into.check(s)
	s.finish()
}

// field reads a field: its default where the member is not there or wrong.
func (s *section) field(into reflect.Value, tag reflect.StructTag) {
	key := tag.Get("key")
	preset, optional := tag.Lookup("default")
	text, there := s.scalar(key)
	there = there && (text != "" || into.Kind() != reflect.String)
	want, value, ok := parse(into.Interface(), tag, text)
	switch {
	case there && !ok:
		s.bad(key, text, want)
	case !there && !optional:
		s.fault(key, "is missing: must be "+want)
	}
	if !there || !ok {
		_, value, _ = parse(into.Interface(), tag, preset)
	}
	into.Set(reflect.ValueOf(value))
}

// parse reads a text as a value of the kind of another; ok is whether it is one that
// the tag wants.
func parse(kind any, tag reflect.StructTag, text string) (want string, value any, ok bool) {
	switch kind.(type) {
	case bool:
		return "true or false", text == "true", text == "true" || text == "false"
	case int:
		var least, most int
		_, _ = fmt.Sscan(tag.Get("range"), &least, &most)
		n, err := strconv.Atoi(text)
		return fmt.Sprintf("a whole number from %d to %d", least, most), n, err == nil && n >= least && n <= most
	case float64:
		most, _ := strconv.ParseFloat(tag.Get("most"), 64)
		x, err := strconv.ParseFloat(text, 64)
		return fmt.Sprintf("a number above 0, up to %.0f", most), x, err == nil && x > 0 && x <= most
	case time.Duration:
		most, _ := time.ParseDuration(tag.Get("most"))
		d, err := time.ParseDuration(text)
		return fmt.Sprintf("a duration such as 90s or 5m, up to %s", most), d, err == nil && d >= 0 && d <= most
	}
	if pattern := patterns[tag.Get("like")]; pattern != nil {
		return tag.Get("want"), text, pattern.MatchString(text)
	}
	allowed := strings.Fields(tag.Get("oneOf"))
	return cmp.Or(tag.Get("want"), "one of "+strings.Join(allowed, ", ")), text, len(allowed) == 0 || slices.Contains(allowed, text)
}

// composed gives a member that is no scalar; the zero value where it is not there.
func composed[T any](s *section, name, want string) T {
	s.known[name] = true
	value, ok := s.values[name].(T)
	if !ok && s.values[name] != nil {
		s.bad(name, s.values[name], want)
	}
	return value
}

// list gives the sections of a list of objects.
func (s *section) list(name string) []*section {
	var sections []*section
	for i, item := range composed[[]any](s, name, "a list") {
		path := fmt.Sprintf("%s[%d]", name, i)
		object, ok := item.(map[string]any)
		if !ok {
			s.bad(path, item, "an object")
			s.faulty[name] = true
			continue
		}
		sections = append(sections, newSection(s.path+path+".", object, s.faults, s.root))
	}
	return sections
}

// texts gives a list of texts, each one of the allowed.
func (s *section) texts(name string, allowed []string) []string {
	var texts []string
	for i, item := range composed[[]any](s, name, "a list") {
		text := fmt.Sprint(item)
		if !slices.Contains(allowed, text) {
			s.bad(fmt.Sprintf("%s[%d]", name, i), text, "one of "+strings.Join(allowed, ", "))
			continue
		}
		texts = append(texts, text)
	}
	return texts
}

// object gives the section of a member that is an object, empty where it is not
// there.
func (s *section) object(name string) *section {
	return newSection(s.path+name+".", composed[map[string]any](s, name, "an object"), s.faults, s.root)
}

// finish notes the members that nothing has asked for: a misspelt name would
// else be a setting without effect.
func (s *section) finish() {
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if !s.known[name] {
			s.fault(name, "is not a setting: there are "+strings.Join(slices.Sorted(maps.Keys(s.known)), ", "))
		}
	}
}
