package event

import (
	"regexp"
	"strings"
)

// ConsentState is what an event, or its message, says of the user's consent.
type ConsentState uint8

// The states of consent.
const (
	ConsentUnknown ConsentState = iota
	ConsentNone
	ConsentAnalytics
)

// Consent is what the event itself says; unknown where it is malformed.
func (d *Decoder) Consent() ConsentState {
	if d.isJSON {
		switch d.values[rowAnalytics].kind {
		case True:
			return ConsentAnalytics
		case False:
			return ConsentNone
		}
	}
	return ConsentUnknown
}

// ConsentToKeep is what the event says of being kept although it is rejected: none
// also where something in it may be a no, whatever the event's own field says.
func (d *Decoder) ConsentToKeep() ConsentState {
	if said := ConsentOf(d.Raw()); said == ConsentNone {
		return said
	}
	return d.Consent()
}

// In a text in small letters: no finds analytics with a value that means no, whatever
// stands between, and escaped a letter written as an escape, behind which the name may
// hide. Each begins with letters that package regexp can search for.
var (
	no      = regexp.MustCompile(`analytics\W*(f|no|0|off|den)`)
	escaped = regexp.MustCompile(`\\u00[4-7]`)
)

// ConsentOf is what a text that may be no event says: none where something in it may
// be a no, else unknown.
func ConsentOf(text string) ConsentState {
	if text = strings.ToLower(text); no.MatchString(text) || escaped.MatchString(text) {
		return ConsentNone
	}
	return ConsentUnknown
}
