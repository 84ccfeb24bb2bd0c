package event

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Type is the JSON type that the contract asks of a field.
type Type uint8

// The types of the contract.
const (
	Group Type = iota // an object whose members are fields themselves
	Integer
	Number
	Boolean
	String
)

// Field describes one row of the contract.
type Field struct {
	// Path is the dotted name, such as "user.birth_date".
	Path string
	Type Type
	// Required is whether a valid event must hold the field; a group is
	// required when one of its members is.
	Required bool
	// Personal is whether the field names, or helps to find, a person.
	Personal bool
	// Format is "uuid", "instant", "date" or empty.
	Format string
	// Enum lists the only strings allowed; nil allows all.
	Enum []string
	// MinLen and MaxLen bound a string in Unicode code points; a MaxLen of 0
	// is no bound.
	MinLen, MaxLen int
	// Min and Max bound a number, both included; nil is no bound.
	Min, Max *float64
	// Is is the only integer allowed; nil allows all.
	Is *int64

	name   string // the last part of Path
	parent int    // row of the group that holds the field; -1 at the top
	index  []int  // for reflect.Value.FieldByIndex on Event
}

// fields is the contract as a table, in the order in which faults are looked
// for: a group stands before its members.
var fields = readFields(reflect.TypeFor[Event](), "", -1, nil, nil)

// Fields returns the contract as a table: each group is followed by its
// members. The caller must not change what the elements point to.
func Fields() []Field { return append([]Field(nil), fields...) }

// Columns of the table that code refers to by row.
var (
	rowSchemaVersion = rowOf("schema_version")
	rowBirthDate     = rowOf("user.birth_date")
	rowAnalytics     = rowOf("consent.analytics")
)

func rowOf(path string) int {
	for row := range fields {
		if fields[row].Path == path {
			return row
		}
	}
	panic("event: no field " + path)
}

// readFields appends the rows of struct type t to table. A tag that does not
// parse is a mistake in this package, so it panics, at start, in every program.
func readFields(t reflect.Type, prefix string, parent int, index []int, table []Field) []Field {
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		f := Field{
			Path: prefix + name, Type: typeOf(sf.Type), Personal: sf.Tag.Get("personal") == "true",
			name: name, parent: parent, index: append(append([]int(nil), index...), i),
		}
		if err := f.readRule(sf.Tag.Get("rule")); err != nil {
			panic(fmt.Sprintf("event: rule of %s: %v", f.Path, err))
		}
		row := len(table)
		table = append(table, f)
		if f.Type == Group {
			table = readFields(sf.Type, f.Path+".", row, f.index, table)
			for _, member := range table[row+1:] {
				table[row].Required = table[row].Required || member.Required
			}
		}
	}
	return table
}

func typeOf(t reflect.Type) Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return Group
	case reflect.Int64:
		return Integer
	case reflect.Float64:
		return Number
	case reflect.Bool:
		return Boolean
	case reflect.String:
		return String
	default:
		panic("event: no JSON type for " + t.String())
	}
}

func (f *Field) readRule(tag string) error {
	if tag == "" {
		return nil
	}
	for clause := range strings.SplitSeq(tag, ",") {
		key, arg, _ := strings.Cut(clause, "=")
		lo, hi, _ := strings.Cut(arg, "..")
		var err error
		switch key {
		case "required":
			f.Required = true
		case "uuid", "instant", "date":
			f.Format = key
		case "enum":
			f.Enum = strings.Split(arg, "|")
		case "is":
			f.Is = new(int64)
			*f.Is, err = strconv.ParseInt(arg, 10, 64)
		case "len":
			if f.MinLen, err = strconv.Atoi(lo); err == nil {
				f.MaxLen, err = strconv.Atoi(hi)
			}
		case "range":
			if f.Min, err = bound(lo); err == nil {
				f.Max, err = bound(hi)
			}
		default:
			err = fmt.Errorf("unknown clause %q", clause)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func bound(text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	return &v, err
}
