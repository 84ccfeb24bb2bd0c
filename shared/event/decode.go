package event

import (
	"reflect"
	"strings"
	"time"
)

// MaxSize is the most bytes that an event may have as JSON text.
const MaxSize = 64 << 10

// maxFuture is how far an event may lie after its arrival.
const maxFuture = 5 * time.Minute

// Arrival is what is known of an event besides its bytes.
type Arrival struct {
	// At is when the event was received, in milliseconds since the Unix epoch.
	At int64
	// MaxAge refuses events that occurred longer before their arrival; 0 is
	// off.
	MaxAge time.Duration
}

// Decoder reads the events of one message body after another. It keeps its
// buffers, so that decoding allocates nothing unless a string holds escapes. A
// Decoder is for one goroutine.
//
//	d := event.NewDecoder()
//	d.Reset(body)
//	for d.Next() {
//		fault := d.Check(arrival)
//		…
//	}
//
// What the strings of Event and Raw refer to is the body.
type Decoder struct {
	scan   scanner // its body may be the first part of the decoder's
	body   string
	pos    int
	start  int  // of the event; pos is its end
	events int  // that were read
	vain   int  // bytes read of events that turned out to be malformed
	lines  bool // no event may go on after the end of its line
	isJSON bool // the span is one object without a fault in its grammar
	values []value
	event  Event
	slots  []slot
	birth  date
	day    date
	ms     int64
	after  bool
}

// slot is where the value of one field goes in the decoder's Event.
type slot struct {
	text     *string
	number   *float64
	optional **float64
	storage  float64 // what *optional points to
	integer  *int64
	boolean  *bool
}

// groups lists, for the event itself (at 0) and for each group (at its row +
// 1), the rows of the members. An object that the contract does not know, at
// unknown, has none.
var groups = func() [][]int {
	g := make([][]int, unknown+1)
	for row := range fields {
		g[fields[row].parent+1] = append(g[fields[row].parent+1], row)
	}
	return g
}()

var unknown = len(fields) + 1

// NewDecoder returns a decoder with an empty body.
func NewDecoder() *Decoder {
	d := &Decoder{values: make([]value, len(fields)), slots: make([]slot, len(fields))}
	root := reflect.ValueOf(&d.event).Elem()
	for row := range fields {
		s := &d.slots[row]
		switch p := root.FieldByIndex(fields[row].index).Addr().Interface().(type) {
		case *string:
			s.text = p
		case *float64:
			s.number = p
		case **float64:
			s.optional = p
		case *int64:
			s.integer = p
		case *bool:
			s.boolean = p
		}
	}
	return d
}

// Reset starts on a new body.
func (d *Decoder) Reset(body string) {
	d.body, d.pos, d.start, d.events, d.vain, d.lines = body, 0, 0, 0, 0, false
}

// Bounds of the work for one body, see Next.
const (
	// MaxEvents is how many events are read of a body: as many valid ones as the
	// largest pack can hold.
	MaxEvents = 20_000
	// rereads is how many times a body may be read in vain.
	rereads = 8
)

// Next moves to the body's next event and reports whether there is one. Events
// follow one another, as a rule on lines of their own. A JSON value that is not
// an object is one malformed event. After a fault in the grammar the malformed
// event ends at the first newline after its start, or at the body's end, and
// reading goes on there: so what follows may have been read before. Where faults
// have made that more than rereads times the body, no event goes on after the end
// of its line from then on, so that the work for a body grows as it does. What
// follows MaxEvents events is one malformed event.
func (d *Decoder) Next() bool {
	s := &d.scan
	if d.events++; d.events > MaxEvents {
		return d.Skip()
	}
	s.body = d.body
	d.start = s.space(d.pos)
	if d.start >= len(s.body) {
		return false
	}
	if d.lines {
		s.body = d.body[:d.lineEnd()]
	}
	s.flawed = false
	s.names = s.names[:0]
	clear(d.values)
	var ok bool
	if s.body[d.start] == '{' {
		d.pos, ok = d.objectAt(d.start, 0, 0)
		d.isJSON = ok && !s.flawed
	} else {
		_, d.pos, ok = d.valueAt(d.start, 0)
		d.isJSON = false
	}
	if !ok {
		d.vain += d.pos - d.start
		d.lines = d.lines || d.vain > rereads*len(d.body)
		d.pos = d.lineEnd()
	}
	return true
}

// lineEnd is where the line ends in which the event starts.
func (d *Decoder) lineEnd() int {
	if newline := strings.IndexByte(d.body[d.start:], '\n'); newline >= 0 {
		return d.start + newline
	}
	return len(d.body)
}

// Skip makes the rest of the body one malformed event, and reports whether there
// is any: what a caller does when Next has panicked.
func (d *Decoder) Skip() bool {
	d.scan.body = d.body
	d.start = d.scan.space(max(d.pos, d.start))
	d.pos, d.isJSON = len(d.body), false
	return d.start < d.pos
}

// objectAt reads the event itself, one of its groups or an unknown object at i: the
// fields of the contract into d.values, everything else only for its grammar. group
// is its index in groups. depth is how many objects and arrays stand around it.
func (d *Decoder) objectAt(i, group, depth int) (end int, ok bool) {
	s := &d.scan
	members := groups[group]
	names := len(s.names)
	expect := 0 // events tend to hold their fields in the contract's order
	if i = s.space(i + 1); i < len(s.body) && s.body[i] == '}' {
		return i + 1, true
	}
	for {
		name, next, ok := s.memberAt(i)
		if !ok {
			return next, false
		}
		row := -1
		for k := range members {
			m := expect + k
			if m >= len(members) {
				m -= len(members)
			}
			if fields[members[m]].name == name {
				row, expect = members[m], m+1
				break
			}
		}
		if i, ok = d.memberValue(row, name, next, depth+1); !ok {
			return i, false
		}
		if i = s.space(i); i >= len(s.body) {
			return i, false
		}
		switch s.body[i] {
		case ',':
			i = s.space(i + 1)
		case '}':
			if len(s.names) > names {
				s.endNames(names)
			}
			return i + 1, true
		default:
			return i, false
		}
	}
}

// memberValue reads the value at i of the field in that row; a row of -1 is a
// name that the contract does not know.
func (d *Decoder) memberValue(row int, name string, i, depth int) (end int, ok bool) {
	s := &d.scan
	if row >= 0 && d.values[row].kind == Absent {
		if fields[row].Type == Group && i < len(s.body) && s.body[i] == '{' {
			d.values[row] = value{kind: Object}
			return d.objectAt(i, row+1, depth)
		}
		d.values[row], end, ok = d.valueAt(i, depth)
		return end, ok
	}
	if row >= 0 {
		s.flawed = true // a duplicate: the first stays, it is refused anyway
	} else {
		s.names = append(s.names, name)
	}
	_, end, ok = d.valueAt(i, depth)
	return end, ok
}

// valueAt reads any value that stands at i, with so many objects and arrays around
// it.
func (d *Decoder) valueAt(i, depth int) (v value, end int, ok bool) {
	body := d.scan.body
	switch {
	case i >= len(body) || body[i] != '{' && body[i] != '[':
		return d.scan.scalarAt(i)
	case depth >= maxDepth:
		return v, i, false
	case body[i] == '{':
		v.kind = Object
		end, ok = d.objectAt(i, unknown, depth)
	default:
		v.kind = Array
		end, ok = d.arrayAt(i, depth)
	}
	v.raw = body[i:end]
	return v, end, ok
}

// arrayAt reads an array for its grammar.
func (d *Decoder) arrayAt(i, depth int) (end int, ok bool) {
	s := &d.scan
	if i = s.space(i + 1); i < len(s.body) && s.body[i] == ']' {
		return i + 1, true
	}
	for {
		if _, i, ok = d.valueAt(i, depth+1); !ok {
			return i, false
		}
		if i = s.space(i); i >= len(s.body) {
			return i, false
		}
		switch s.body[i] {
		case ',':
			i = s.space(i + 1)
		case ']':
			return i + 1, true
		default:
			return i, false
		}
	}
}

// Raw is the event as it stands in the body.
func (d *Decoder) Raw() string { return d.body[d.start:d.pos] }

// Span is where the event stands in the body.
func (d *Decoder) Span() (start, end int) { return d.start, d.pos }

// IsObject reports whether the event is one well-formed JSON object, whatever it
// holds.
func (d *Decoder) IsObject() bool { return d.isJSON }

// Value gives the kind and the text of the field in that row of Fields: a
// string without quotes and escapes, a number or a literal as it stands, an
// object or array as JSON text (a group that is an object has none).
func (d *Decoder) Value(row int) (Kind, string) {
	v := d.values[row]
	if v.kind == Text {
		return Text, v.text()
	}
	return v.kind, v.raw
}

// Event is the event that the last Check found valid. It is overwritten by the
// next Check.
func (d *Decoder) Event() *Event { return &d.event }

// OccurredAt is when the valid event occurred, in milliseconds since the Unix
// epoch, rounded down.
func (d *Decoder) OccurredAt() int64 { return d.ms }

// Age is the user's age in full years on the UTC day on which the valid event
// occurred.
func (d *Decoder) Age() int { return ageAt(d.birth, d.day) }

// Count gives the number of events in a body, valid or not.
func Count(body string) int {
	d := NewDecoder()
	d.Reset(body)
	n := 0
	for d.Next() {
		n++
	}
	return n
}
