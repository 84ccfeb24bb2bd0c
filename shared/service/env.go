package service

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Env reads settings and collects what is wrong with them, so that a service
// can name every fault at once: read all settings, then ask Err. A getter that
// finds a fault gives the default, or a zero value where there is none.
//
// A variable that is set but empty is as good as unset: a fault where a value
// is required.
type Env struct {
	lookup func(string) (string, bool)
	faults []string
}

// NewEnv reads settings from lookup, which is os.LookupEnv as a rule.
func NewEnv(lookup func(string) (string, bool)) *Env { return &Env{lookup: lookup} }

// SettingsError names every setting that is missing or wrong.
type SettingsError struct {
	Faults []string

	cause error // where there is one fault, and it was found by a call
}

// Unwrap gives the error of the call that has found the fault, if one has.
func (e *SettingsError) Unwrap() error { return e.cause }

func (e *SettingsError) Error() string { return "bad settings: " + strings.Join(e.Faults, "; ") }

// Err gives a *SettingsError when a fault was found so far, else nil.
func (e *Env) Err() error {
	if len(e.faults) == 0 {
		return nil
	}
	return &SettingsError{Faults: slices.Clone(e.faults)}
}

// Fault notes a fault that only the caller could find; what reads on after the
// variable's name, as in "is not a bucket's name". It must not hold a secret.
func (e *Env) Fault(name, what string) {
	if fault := name + " " + what; !slices.Contains(e.faults, fault) {
		e.faults = append(e.faults, fault)
	}
}

// bad notes that a value is not what it must be.
func (e *Env) bad(name, value, want string) {
	const most = 60
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	e.Fault(name, fmt.Sprintf("is %q: must be %s", value, want))
}

// String gives a required value.
func (e *Env) String(name string) string {
	value, set := e.lookup(name)
	switch {
	case !set:
		e.Fault(name, "is missing")
	case value == "":
		e.Fault(name, "is empty")
	}
	return value
}

// Secret gives a required value that must not be seen: it stands in no error.
func (e *Env) Secret(name string) string { return e.String(name) }

// Optional gives a value, or def without one.
func (e *Env) Optional(name, def string) string {
	if value, _ := e.lookup(name); value != "" {
		return value
	}
	return def
}

// Choice gives one of the allowed values.
func (e *Env) Choice(name, def string, allowed ...string) string {
	value := e.Optional(name, def)
	if !slices.Contains(allowed, value) {
		e.bad(name, value, "one of "+strings.Join(allowed, ", "))
		return def
	}
	return value
}

// URL gives a required absolute http or https URL. One with a user name or a
// password is refused, and not shown.
func (e *Env) URL(name string) string {
	value := e.String(name)
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	switch {
	case strings.Contains(value, "@"):
		e.Fault(name, "is not shown: must be a URL without a user name or password")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		e.bad(name, value, "a URL like https://host/path")
	default:
		return value
	}
	return ""
}

// Queues gives the required URLs of two queues that must not be one: a service
// that writes into a queue that it reads never ends.
func (e *Env) Queues(in, out string) (input, output string) {
	input, output = e.URL(in), e.URL(out)
	if input != "" && input == output {
		e.Fault(out, "is the queue of "+in+": give another queue")
	}
	return input, output
}

// Duration gives a duration as Go writes it, such as 90s or 5m, from least to
// most.
func (e *Env) Duration(name string, def, least, most time.Duration) time.Duration {
	return within(e, name, def, least, most, time.ParseDuration, fmt.Sprintf("a duration from %s to %s", short(least), short(most)))
}

// short writes a duration without its zero parts: 24h, not 24h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Int gives a whole number from least to most.
func (e *Env) Int(name string, def, least, most int) int {
	return within(e, name, def, least, most, strconv.Atoi, fmt.Sprintf("a whole number from %d to %d", least, most))
}

// Float gives a number from least to most.
func (e *Env) Float(name string, def, least, most float64) float64 {
	parse := func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
	return within(e, name, def, least, most, parse, fmt.Sprintf("a number from %g to %g", least, most))
}

// within gives a value from least to most, which want describes.
func within[T cmp.Ordered](e *Env, name string, def, least, most T, parse func(string) (T, error), want string) T {
	text := e.Optional(name, "")
	if text == "" {
		return def
	}
	v, err := parse(text)
	if inside := v >= least && v <= most; err != nil || !inside { // NaN is not
		e.bad(name, text, want)
		return def
	}
	return v
}

// isSettings reports whether an error is one of the settings.
func isSettings(err error) bool {
	var bad *SettingsError
	return errors.As(err, &bad)
}
