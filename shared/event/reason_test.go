package event

import (
	"strings"
	"testing"
)

// TestReason: every fault that can be found has words for it, and each field's
// are about the field's own rule.
func TestReason(t *testing.T) {
	for _, treatment := range Treatments {
		switch c := treatment.Category; c {
		case WrongType, InvalidValue:
			for _, f := range Fields() {
				if c == InvalidValue && (f.Type == Group || f.Type == Boolean) {
					continue // Their type is all that the contract asks of them.
				}
				if reason := (Fault{c, f.Path}).Reason(); !strings.HasPrefix(reason, "not ") || len(reason) < 5 {
					t.Errorf("%s of %s: %q", c, f.Path, reason)
				} else if unbounded := (f.Type == Number || f.Type == Integer) && f.Min == nil && f.Max == nil && f.Is == nil; c == InvalidValue && unbounded != strings.HasSuffix(reason, "can be represented") {
					t.Errorf("%s of %s does not name the field's rule: %q", c, f.Path, reason)
				}
			}
		default:
			if (Fault{Category: c}).Reason() == "" {
				t.Errorf("%s has no reason", c)
			}
		}
	}
	for field, want := range map[string]string{
		"user.gender": "female, male, other, undisclosed", "position.latitude": "between -90 and 90", "user.id": "1 to 128",
		"schema_version": "1", "position.accuracy_m": "at least 0", "event_id": "UUID",
	} {
		if reason := (Fault{InvalidValue, field}).Reason(); !strings.Contains(reason, want) {
			t.Errorf("%s: %q does not say %q", field, reason, want)
		}
	}
}
