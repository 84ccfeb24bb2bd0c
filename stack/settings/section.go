package settings

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// section reads the members of one object of the configuration and notes what
// is wrong with them. A getter that finds a fault gives the default, so that
// reading goes on and every fault is found.
type section struct {
	// path begins the names of members in faults: headcount:flows[0].
	path   string
	values map[string]any // a scalar, a []any or a map[string]any
	known  map[string]bool
	faulty map[string]bool
	faults *[]string
}

func newSection(path string, values map[string]any, faults *[]string) *section {
	return &section{path, values, map[string]bool{}, map[string]bool{}, faults}
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

// get gives a member as parse reads it: def where the member is not there or
// wrong. Without def it must be there.
func get[T any](s *section, name, want string, def *T, parse func(text string) (value T, ok bool)) T {
	text, there := s.scalar(name)
	if there {
		if value, ok := parse(text); ok {
			return value
		}
		s.bad(name, text, want)
	} else if def == nil {
		s.fault(name, "is missing: must be "+want)
	}
	if def == nil {
		def = new(T)
	}
	return *def
}

// text gives a required member that matches.
func (s *section) text(name string, pattern *regexp.Regexp, want string) string {
	if value, _ := s.scalar(name); value == "" {
		s.fault(name, "is missing: must be "+want)
	}
	return get(s, name, want, nil, func(text string) (string, bool) { return text, pattern.MatchString(text) })
}

// choice gives one of the allowed values, def where nothing is said; def "" is
// no default.
func (s *section) choice(name, def string, allowed ...string) string {
	var preset *string
	if def != "" {
		preset = &def
	}
	return get(s, name, "one of "+strings.Join(allowed, ", "), preset, func(text string) (string, bool) { return text, slices.Contains(allowed, text) })
}

func (s *section) bool(name string) bool {
	return get(s, name, "true or false", nil, func(text string) (bool, bool) { return text == "true", text == "true" || text == "false" })
}

// required is the default of members that have none.
const required = math.MinInt

// int gives a whole number from least to most.
func (s *section) int(name string, def, least, most int) int {
	var preset *int
	if def != required {
		preset = &def
	}
	return get(s, name, fmt.Sprintf("a whole number from %d to %d", least, most), preset, func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil && n >= least && n <= most
	})
}

// float gives a number above 0, up to most.
func (s *section) float(name string, def, most float64) float64 {
	return get(s, name, fmt.Sprintf("a number above 0, up to %.0f", most), &def, func(text string) (float64, bool) {
		x, err := strconv.ParseFloat(text, 64)
		return x, err == nil && x > 0 && x <= most
	})
}

// duration gives a duration as Go writes it, up to most.
func (s *section) duration(name string, def, most time.Duration) time.Duration {
	return get(s, name, fmt.Sprintf("a duration such as 90s or 5m, up to %s", most), &def, func(text string) (time.Duration, bool) {
		d, err := time.ParseDuration(text)
		return d, err == nil && d >= 0 && d <= most
	})
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
		sections = append(sections, newSection(s.path+path+".", object, s.faults))
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
	return newSection(s.path+name+".", composed[map[string]any](s, name, "an object"), s.faults)
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
