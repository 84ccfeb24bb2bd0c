package event

import (
	"fmt"
	"strings"
)

// Category says why an event was rejected. The empty Category means that it
// was not.
type Category string

// The categories, in the order in which they are looked for: an event gets the
// first that applies.
const (
	MalformedJSON        Category = "malformed_json"
	TooLarge             Category = "too_large"
	UnknownSchemaVersion Category = "unknown_schema_version"
	NoConsent            Category = "no_consent"
	MissingField         Category = "missing_field"
	WrongType            Category = "wrong_type"
	InvalidValue         Category = "invalid_value"
	FutureTimestamp      Category = "future_timestamp"
	TooOld               Category = "too_old"
	InternalError        Category = "internal_error"
)

// Treatment is what a category gets.
type Treatment struct {
	Category Category
	// Quarantine keeps a line about the event in the quarantine bucket.
	Quarantine bool
	// Notify counts the event in the next alert.
	Notify bool
}

// Treatments says what each category gets: this table alone decides.
var Treatments = []Treatment{
	{MalformedJSON, true, true},
	{TooLarge, true, true},
	{UnknownSchemaVersion, true, true},
	{NoConsent, false, false}, // stored nowhere: that is what was asked for
	{MissingField, true, true},
	{WrongType, true, true},
	{InvalidValue, true, true},
	{FutureTimestamp, true, true},
	{TooOld, true, false}, // a late device is nobody's fault: nothing to mend
	{InternalError, true, true},
}

// Treatment returns what the category gets. An unknown category is treated as
// an internal error: kept, and in an alert.
func (c Category) Treatment() Treatment {
	for _, t := range Treatments {
		if t.Category == c {
			return t
		}
	}
	return Treatment{Category: c, Quarantine: true, Notify: true}
}

// Fault is why one event was rejected. It names the field, never its value.
// The zero Fault means that the event is valid.
type Fault struct {
	Category Category
	// Field is the dotted path of the field at fault; empty where the fault
	// lies with the event as a whole.
	Field string
}

// Reason says in words what is wrong, and what would be right; never a value.
func (f Fault) Reason() string {
	switch f.Category {
	case MalformedJSON:
		return "not one JSON object in UTF-8, with no name twice"
	case TooLarge:
		return fmt.Sprintf("more than %d KiB", MaxSize>>10)
	case UnknownSchemaVersion:
		return fmt.Sprintf("not a version that is known: %d", SchemaVersion)
	case NoConsent:
		return "the user has not consented to analytics"
	case MissingField:
		return "required, and not there"
	case FutureTimestamp:
		return fmt.Sprintf("more than %.0f minutes after the arrival of the event", maxFuture.Minutes())
	case TooOld:
		return "longer before the arrival of the event than MAX_AGE allows"
	case InternalError:
		return "a service failed on it, and its log says where"
	}
	for row := range fields {
		if fields[row].Path == f.Field {
			return "not " + fields[row].wants(f.Category)
		}
	}
	return ""
}

// wants says what the contract asks of the field.
func (f *Field) wants(c Category) string {
	if c == WrongType {
		return map[Type]string{Group: "an object", Integer: "an integer", Number: "a number", Boolean: "true or false", String: "a string"}[f.Type]
	}
	switch {
	case f.Format == "uuid":
		return "a UUID"
	case f.Format == "instant":
		return "an instant in UTC such as 2026-01-12T07:00:00Z"
	case f.Format == "date":
		return fmt.Sprintf("a date such as 1988-01-10 on which somebody of 0 to %d years was born", maxYears)
	case f.Enum != nil:
		return "one of " + strings.Join(f.Enum, ", ")
	case f.Is != nil:
		return fmt.Sprint(*f.Is)
	case f.Min != nil && f.Max != nil:
		return fmt.Sprintf("between %g and %g", *f.Min, *f.Max)
	case f.Min != nil:
		return fmt.Sprintf("at least %g", *f.Min)
	case f.Type == String:
		return fmt.Sprintf("%d to %d characters long", f.MinLen, f.MaxLen)
	default:
		return "a number that can be represented"
	}
}
