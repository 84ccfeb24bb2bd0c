package event

import (
	"math"
	"slices"
	"unicode/utf8"
)

// Check gives the first fault of the event, in the order of the categories.
func (d *Decoder) Check(a Arrival) Fault {
	switch {
	case !d.isJSON:
		return Fault{Category: MalformedJSON}
	case d.pos-d.start > MaxSize:
		return Fault{Category: TooLarge}
	}
	if v := d.values[rowSchemaVersion]; v.kind == Num && isInteger(v.raw) {
		if n, _ := parseFloat(v.raw); n != SchemaVersion {
			return Fault{UnknownSchemaVersion, "schema_version"}
		}
	}
	if d.values[rowAnalytics].kind == False {
		return Fault{NoConsent, "consent.analytics"}
	}
	d.event = Event{}
	for row := range fields {
		if category := d.checkField(row); category != "" {
			return Fault{category, fields[row].Path}
		}
	}
	latest := a.At + maxFuture.Milliseconds()
	switch {
	case d.ms > latest || d.ms == latest && d.after:
		return Fault{FutureTimestamp, "occurred_at"}
	case a.MaxAge > 0 && d.ms < a.At-a.MaxAge.Milliseconds():
		return Fault{TooOld, "occurred_at"}
	}
	return Fault{}
}

// checkField checks one row against its rule and keeps its value.
func (d *Decoder) checkField(row int) Category {
	f, v := &fields[row], &d.values[row]
	switch v.kind {
	case Absent:
		if f.Required && f.Type != Group { // of a group, the member is named
			return MissingField
		}
		return ""
	case Null:
		if f.Required {
			return WrongType
		}
		return ""
	}
	switch f.Type {
	case Group:
		if v.kind != Object {
			return WrongType
		}
		return ""
	case String:
		if v.kind != Text {
			return WrongType
		}
		return d.checkText(row, v.text())
	case Boolean:
		if v.kind != True && v.kind != False {
			return WrongType
		}
		*d.slots[row].boolean = v.kind == True
		return ""
	default:
		if v.kind != Num || f.Type == Integer && !isInteger(v.raw) {
			return WrongType
		}
		return d.checkNumber(row, v.raw)
	}
}

func (d *Decoder) checkNumber(row int, raw string) Category {
	f, s := &fields[row], &d.slots[row]
	n, ok := parseFloat(raw)
	if f.Type == Integer {
		if !ok || math.Abs(n) > 1<<53 || f.Is != nil && n != float64(*f.Is) {
			return InvalidValue
		}
		*s.integer = int64(n)
		return ""
	}
	if !ok || f.Min != nil && n < *f.Min || f.Max != nil && n > *f.Max {
		return InvalidValue
	}
	if s.optional != nil {
		s.storage = n
		*s.optional = &s.storage
	} else {
		*s.number = n
	}
	return ""
}

func (d *Decoder) checkText(row int, text string) Category {
	f := &fields[row]
	ok := true
	switch f.Format {
	case "uuid":
		ok = isUUID(text)
	case "instant":
		d.day, d.ms, d.after, ok = parseInstant(text)
	case "date":
		// The only date is the birth date; the day of the event, which stands
		// before it in the table, is known by now.
		if d.birth, ok = parseDate(text); ok && row == rowBirthDate {
			age := ageAt(d.birth, d.day)
			ok = age >= 0 && age <= maxYears
		}
	}
	if f.Enum != nil {
		ok = ok && slices.Contains(f.Enum, text)
	}
	if len(text) > f.MaxLen && f.MaxLen > 0 { // else it cannot have more code points
		ok = ok && utf8.RuneCountInString(text) <= f.MaxLen
	}
	if !ok || len(text) < f.MinLen {
		return InvalidValue
	}
	*d.slots[row].text = text
	return ""
}
