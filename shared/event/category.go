package event

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
