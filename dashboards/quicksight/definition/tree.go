package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may be nested. QuickSight's own
// definitions stay below 40.
const maxDepth = 200

// A document as a tree consists of object, array, string, json.Number, bool and
// nil. Unlike a map, an object keeps the order of its members and those whose
// name comes twice.
type (
	object []member
	array  []any
	member struct {
		name  string
		value any
	}
)

// has tells whether an object has a member.
func (o object) has(name string) bool {
	return slices.ContainsFunc(o, func(m member) bool { return m.name == name })
}

// member is the first member of a name, nil if there is none.
func (o object) member(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// parse reads one JSON value and nothing after it. The error names line and
// column.
func parse(data []byte) (any, error) {
	if i := invalidUTF8(data); i >= 0 {
		return nil, at(data, i, "the text is not UTF-8")
	}
	// The decoder's tokens know less exactly where a fault is.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, locate(data, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	tree, err := readValue(d, 0)
	if err != nil {
		return nil, at(data, int(d.InputOffset())-1, err.Error())
	}
	return tree, nil
}

// readValue reads a value of a valid document.
func readValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return token, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("objects and arrays are nested more than %d deep", maxDepth)
	}
	var list array
	var o object
	for d.More() {
		var name json.Token
		if open == '{' {
			if name, err = d.Token(); err != nil {
				return nil, err
			}
		}
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		if open == '[' {
			list = append(list, v)
		} else {
			o = append(o, member{name.(string), v}) // the decoder gives nothing else here
		}
	}
	if _, err = d.Token(); open == '[' {
		return list, err
	}
	return o, err
}

// locate says where a syntax error is.
func locate(data []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	if int(syntax.Offset) >= len(data) && strings.HasPrefix(err.Error(), "unexpected end") {
		return at(data, len(data), "the text ends in the middle of the document")
	}
	return at(data, int(syntax.Offset)-1, err.Error())
}

// at is an error at an offset in bytes; the column counts characters.
func at(data []byte, offset int, problem string) error {
	before := data[:min(offset, len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
	return fmt.Errorf("line %d, column %d: %s", line, column, problem)
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, -1 if all are.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
