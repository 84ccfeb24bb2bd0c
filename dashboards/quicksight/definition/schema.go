package definition

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// What reflection does not tell of the SDK's types (which members are required,
// which structs are unions, what is behind an interface) is in schema_gen.go,
// taken from the comments of the SDK's source. The SDK's own validation lives in
// the package of its client, which takes a minute to compile, stops at structs
// that it cannot reach, and knows no JSON paths.
//
//go:generate go test -run ^TestSchema$ . -update

// moreUnions are structs of which exactly one member must be set too, although
// their comments do not say so: a field, a format, a hierarchy or a sort is of one
// kind.
var moreUnions = []string{
	"ColumnHierarchy", "DimensionField", "FieldSortOptions", "FormatConfiguration", "LogicalTableSource", "MeasureField",
	"PhysicalTable", "TransformOperation",
}

// noUnions are called unions by their comments, but QuickSight itself gives them
// with two members or with none.
var noUnions = []string{"FilterOperationSelectedFieldsConfiguration"}

// shape is what the binder and the checks need to know of a struct.
type shape struct {
	name string
	// names are those of the members in JSON; names[i] is the field fields[i].
	names  []string
	fields []int
	// required are the members that must be there.
	required []string
	// union is set when exactly one member must be.
	union bool
	// partial is set for what has not all members that QuickSight knows.
	partial bool
	// sheet and visual are set for what has sheets' and visuals' ids.
	sheet, visual bool
	// roles are what the checks need to know of each of names.
	roles []role
}

// shapes keeps the shapes of the types seen so far.
var shapes sync.Map // reflect.Type to *shape

// shapeOf is the shape of a struct.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{name: t.Name(), required: required[t.Name()]}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name := f.Name
		if other, ok := renamed[t.Name()+"."+f.Name]; ok {
			name = other
		}
		s.names, s.fields = append(s.names, name), append(s.fields, i)
		s.roles = append(s.roles, roleOf(s.name, name))
	}
	s.union = slices.Contains(moreUnions, s.name) ||
		slices.Contains(unions, s.name) && !slices.Contains(noUnions, s.name)
	s.partial = t.PkgPath() == reflect.TypeFor[DataSetFile]().PkgPath() && s.name != "document"
	s.sheet = s.name == "SheetDefinition" || s.name == "TooltipSheetDefinition"
	s.visual = strings.HasSuffix(s.name, "Visual") && slices.Contains(s.names, "VisualId")
	kept, _ := shapes.LoadOrStore(t, s)
	return kept.(*shape)
}

// field is the index of the field that a member stands for, -1 if none does.
func (s *shape) field(member string) int {
	if i := slices.Index(s.names, member); i >= 0 {
		return s.fields[i]
	}
	return -1
}

// enumValues are the values of an enum, nil for any other type.
func enumValues(v reflect.Value) []string {
	if v.Kind() != reflect.String {
		return nil
	}
	method := v.MethodByName("Values")
	if !method.IsValid() {
		return nil
	}
	list := method.Call(nil)[0]
	values := make([]string, list.Len())
	for i := range values {
		values[i] = list.Index(i).String()
	}
	return values
}

// alternatives lists names for a sentence: A, B or C.
func alternatives(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
