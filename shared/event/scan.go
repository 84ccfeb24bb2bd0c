package event

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may nest; one level more is malformed, so
// that brackets cannot use up the stack.
// The contract needs two. Since reading goes on at the next line after a fault, a
// body of opening brackets alone takes maxDepth times its length to read.
const maxDepth = 256

// Kind is the JSON kind of a value as it stands in an event.
type Kind uint8

// The kinds. Absent is the kind of a field that the event does not hold.
const (
	Absent Kind = iota
	Null
	False
	True
	Num
	Text
	Object
	Array
)

// value is one JSON value where it stands in the body. For Text, raw is what
// stands between the quotes.
type value struct {
	kind    Kind
	escaped bool // whether raw holds a backslash
	raw     string
}

// text gives a Text without its escapes; it allocates only where there are any.
func (v value) text() string {
	if !v.escaped {
		return v.raw
	}
	return unescape(v.raw)
}

// scanner reads strict JSON (RFC 8259) from a body. A fault in the grammar ends
// the scan of a value; duplicate names and invalid UTF-8 do not, since they
// leave no doubt about where the value ends: they only set flawed.
type scanner struct {
	body   string
	flawed bool
	// names are those in the objects that are open, innermost last, of fields that
	// the contract does not know.
	names []string
}

// fewNames is up to how many names comparing each two is cheaper than sorting.
const fewNames = 16

// endNames ends the innermost object, whose names begin at from in s.names, and
// looks for one that came twice.
func (s *scanner) endNames(from int) {
	names := s.names[from:]
	s.names = s.names[:from]
	if len(names) > fewNames { // an object of ten thousand must not take their square
		slices.Sort(names)
		s.flawed = s.flawed || len(slices.Compact(names)) < len(names)
		return
	}
	for i, name := range names {
		s.flawed = s.flawed || slices.Contains(names[:i], name)
	}
}

// plainEnd gives the first position from i on of a byte that ends a string,
// needs a look, or may not be in one: a quote, a backslash, a control character,
// or a byte outside ASCII. It looks at eight bytes at once, by the tricks of
// "Bit Twiddling Hacks" for finding a byte in a word: a byte's highest bit is set
// where it is found, and only bytes above one that is found can be wrong.
func plainEnd(s string, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := s[i : i+8]
		x := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		quote, backslash := x^'"'*ones, x^'\\'*ones
		found := x | (x-0x20*ones)&^x | (quote-ones)&^quote | (backslash-ones)&^backslash
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

func (s *scanner) space(i int) int {
	for i < len(s.body) {
		switch s.body[i] {
		case ' ', '\t', '\r', '\n':
			i++
		default:
			return i
		}
	}
	return i
}

// stringAt reads the string whose opening quote stands at i and gives where it
// ends; ok is false where the grammar is broken.
func (s *scanner) stringAt(i int) (v value, end int, ok bool) {
	body := s.body
	start := i + 1
	escaped := false
	for i = start; i < len(body); {
		if i = plainEnd(body, i); i >= len(body) {
			break
		}
		switch c := body[i]; {
		case c == '"':
			return value{kind: Text, escaped: escaped, raw: body[start:i]}, i + 1, true
		case c == '\\':
			escaped = true
			n := s.escapeAt(i)
			if n == 0 {
				return v, i, false
			}
			i += n
		case c < 0x20:
			return v, i, false
		default:
			r, n := utf8.DecodeRuneInString(body[i:])
			if r == utf8.RuneError && n == 1 {
				s.flawed = true
			}
			i += n
		}
	}
	return v, i, false
}

// escapeAt gives the length of the escape sequence at i, 0 where it is none. A
// surrogate without its other half is no character, so it makes the value
// flawed, as an invalid byte would.
func (s *scanner) escapeAt(i int) int {
	if i+1 >= len(s.body) {
		return 0
	}
	switch s.body[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	r, ok := hex4(s.body, i+2)
	if !ok {
		return 0
	}
	if !utf16.IsSurrogate(r) {
		return 6
	}
	if i+7 < len(s.body) && s.body[i+6] == '\\' && s.body[i+7] == 'u' {
		if low, ok := hex4(s.body, i+8); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return 12
		}
	}
	s.flawed = true
	return 6
}

func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape resolves the escapes of a string that stringAt has accepted.
func unescape(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, _ := hex4(raw, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				low, _ := hex4(raw, i+3)
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// numberAt gives where the number at i ends.
func (s *scanner) numberAt(i int) (end int, ok bool) {
	body := s.body
	if i < len(body) && body[i] == '-' {
		i++
	}
	switch {
	case i >= len(body) || body[i]-'0' > 9:
		return i, false
	case body[i] == '0':
		i++
	default:
		i = digitsEnd(body, i)
	}
	if i < len(body) && body[i] == '.' {
		start := i + 1
		if i = digitsEnd(body, start); i == start {
			return i, false
		}
	}
	if i < len(body) && body[i]|0x20 == 'e' {
		if i++; i < len(body) && (body[i] == '+' || body[i] == '-') {
			i++
		}
		start := i
		if i = digitsEnd(body, start); i == start {
			return i, false
		}
	}
	return i, true
}

func digitsEnd(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// scalarAt reads a value that is no object and no array.
func (s *scanner) scalarAt(i int) (v value, end int, ok bool) {
	if i >= len(s.body) {
		return v, i, false
	}
	switch s.body[i] {
	case '"':
		return s.stringAt(i)
	case 't':
		return s.literalAt(i, "true", True)
	case 'f':
		return s.literalAt(i, "false", False)
	case 'n':
		return s.literalAt(i, "null", Null)
	default:
		end, ok = s.numberAt(i)
		return value{kind: Num, raw: s.body[i:end]}, end, ok
	}
}

func (s *scanner) literalAt(i int, word string, kind Kind) (v value, end int, ok bool) {
	if !strings.HasPrefix(s.body[i:], word) {
		return v, i, false
	}
	return value{kind: kind, raw: word}, i + len(word), true
}

// memberAt reads `"name" :` and the space after it.
func (s *scanner) memberAt(i int) (name string, next int, ok bool) {
	if i >= len(s.body) || s.body[i] != '"' {
		return "", i, false
	}
	if end := plainEnd(s.body, i+1); end < len(s.body) && s.body[end] == '"' { // as nearly all are
		name, i = s.body[i+1:end], end+1
	} else {
		var v value
		if v, i, ok = s.stringAt(i); !ok {
			return "", i, false
		}
		name = v.text()
	}
	if i = s.space(i); i >= len(s.body) || s.body[i] != ':' {
		return "", i, false
	}
	return name, s.space(i + 1), true
}

// isInteger reports whether a JSON number has no fraction, however it is written:
// 1.0 and 10e-1 are integers, as in JSON Schema.
func isInteger(raw string) bool {
	f, _ := parseFloat(raw)
	return f == math.Trunc(f)
}

// parseFloat gives the double that is nearest to a JSON number; ok is false where it
// is out of a double's range, and then infinite.
func parseFloat(raw string) (f float64, ok bool) {
	f, err := strconv.ParseFloat(raw, 64)
	return f, err == nil
}
