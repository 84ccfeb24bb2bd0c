package event

import (
	"fmt"
	"strings"
)

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
