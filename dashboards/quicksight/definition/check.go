package definition

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// check finds what the API, or QuickSight when it draws, would refuse of a
// definition that was decoded: ids that come twice or stand for nothing, columns
// and parameters that there are not, filters on columns of another type, layouts
// that do not fit, expressions that do not parse or go in circles. The holes of a
// faulty file add no faults. b is what has read the definition, which is at a place
// of the document.
func check(b binder, at path, d *Definition, sets []DataSet) []Fault {
	b.nodes = slices.DeleteFunc(b.nodes, func(n node) bool { return !strings.HasPrefix(n.path, at.String()) })
	c := &checker{
		binder: b,
		root:   at, definition: d,
		index:      map[key]int{},
		dataSets:   map[string]*dataSetColumns{},
		visualSets: map[any][]string{},
		placed:     map[key]string{},
	}
	for _, n := range c.nodes {
		c.declare(n)
	}
	c.addSets(sets)
	c.calculatedFields()
	for _, n := range c.nodes {
		c.visit(n)
	}
	c.unplaced()
	return c.sorted()
}

// checker checks one definition.
type checker struct {
	binder
	root       path
	definition *Definition

	// declared are the things of the definition in order; index finds them.
	declared []declaration
	index    map[key]int
	// dataSets are those whose columns are known, by identifier.
	dataSets map[string]*dataSetColumns
	// visualSets are the identifiers of the data sets that a visual shows.
	visualSets map[any][]string
	// placed are the paths of the elements that place things.
	placed map[key]string
}

// declaration is a thing that the definition declares.
type declaration struct {
	key
	path string
	in   scope
	node any // the struct that declares it
}

// key finds a declaration; visual is nil where the id is the whole definition's.
type key struct {
	thing  thing
	visual any
	id     string
}

func keyOf(t thing, id string, in scope) key {
	if !t.inVisual() {
		return key{t, nil, id}
	}
	return key{t, in.visual, id}
}

// declare notes what a struct declares.
func (c *checker) declare(n node) {
	v, s, p, in := n.value, n.shape, path(n.path), n.in
	for i, r := range s.roles {
		if r.declares == "" {
			continue
		}
		texts(v.Field(s.fields[i]), p.member(s.names[i]), func(id string, p path) {
			k := keyOf(r.declares, id, in)
			if r.declares == parameter && !parameterName(id) {
				c.faultf(p, "the name %q of a parameter may have letters from a to z and digits only", id)
			}
			if first, ok := c.index[k]; ok {
				if r.declares == field && computationOf(p.String()) != computationOf(c.declared[first].path) {
					return // each of an insight's computations has fields of its own
				}
				c.faultf(p, "there is another %s %q: %s", r.declares, id, c.declared[first].path)
				return
			}
			c.index[k] = len(c.declared)
			c.declared = append(c.declared, declaration{k, p.String(), in, v.Addr().Interface()})
		})
	}
	if id, ok := v.Addr().Interface().(*types.ColumnIdentifier); ok && in.visual != nil {
		set := deref(id.DataSetIdentifier)
		if !slices.Contains(c.visualSets[in.visual], set) {
			c.visualSets[in.visual] = append(c.visualSets[in.visual], set)
		}
	}
}

// parameterName is the API's pattern of a parameter's name.
var parameterName = regexp.MustCompile(`^[a-zA-Z0-9]+$`).MatchString

// computationOf is the computation of an insight that a path is in, if it is in one.
var computationOf = regexp.MustCompile(`^.*\.Computations\[\d+\]`).FindString

// visit checks a struct.
func (c *checker) visit(n node) {
	v, s, p, in := n.value, n.shape, path(n.path), n.in
	for i, r := range s.roles {
		texts(v.Field(s.fields[i]), p.member(s.names[i]), func(text string, p path) {
			switch {
			case r.refers != "":
				c.refer(r, text, p, in)
			case r.expression:
				c.expression(text, p, in)
			default:
				c.text(text, p)
			}
		})
	}
	switch n := v.Addr().Interface().(type) {
	case *types.ColumnIdentifier:
		c.column(n, p)
	case *types.SheetVisualScopingConfiguration:
		c.scoping(n, p)
	case *types.CascadingControlSource:
		c.cascade(n, p, in)
	case *types.CustomActionURLOperation:
		c.url(n, p)
	case *types.RelativeDatesFilter:
		if n.RelativeDateValue != nil && n.RelativeDateType != types.RelativeDateTypeLast && n.RelativeDateType != types.RelativeDateTypeNext {
			c.faultf(p.member("RelativeDateValue"), "only LAST and NEXT take a number of periods, not %s", n.RelativeDateType)
		}
	case *types.StringParameterDeclaration:
		c.defaults(n.ParameterValueType, len(deref(n.DefaultValues).StaticValues), p)
	case *types.IntegerParameterDeclaration:
		c.defaults(n.ParameterValueType, len(deref(n.DefaultValues).StaticValues), p)
	case *types.DecimalParameterDeclaration:
		c.defaults(n.ParameterValueType, len(deref(n.DefaultValues).StaticValues), p)
	}
	c.kind(v, s, p)
	c.layout(v.Addr().Interface(), p, in)
}

// texts calls each with the texts of a field that is a *string or a []string, and
// the path of each.
func texts(field reflect.Value, p path, each func(text string, p path)) {
	switch field.Kind() {
	case reflect.Pointer:
		if !field.IsNil() && field.Elem().Kind() == reflect.String {
			each(field.Elem().String(), p)
		}
	case reflect.Slice:
		if field.Type().Elem().Kind() != reflect.String {
			return
		}
		for i := range field.Len() {
			each(field.Index(i).String(), p.item(i))
		}
	default:
	}
}

// defaults checks that a parameter that has one value has no more defaults.
func (c *checker) defaults(t types.ParameterValueType, n int, p path) {
	if t == types.ParameterValueTypeSingleValued && n > 1 {
		c.faultf(p.member("DefaultValues").member("StaticValues"), "a parameter with a single value has at most one default, not %d", n)
	}
}

// refer checks that what a text refers to is declared.
func (c *checker) refer(r role, id string, p path, in scope) {
	if r.refers.inVisual() && in.visual == nil {
		return // a sheet's image has actions too, but no fields
	}
	d := c.find(r.refers, id, in)
	switch {
	case d == nil:
		c.faultf(p, "%s", c.lacks(r.refers, id, in))
	case r.sameSheet && d.in.sheet != in.sheet:
		c.faultf(p, "the %s %q is on another sheet: %s", r.refers, id, d.path)
	case !fits(parameterType(d.node), r.kind):
		c.faultf(p, "%s is wanted, but the parameter %q is %s", kindNames[r.kind], id, parameterType(d.node))
	}
}

// parameterTypes are the types of declared parameters.
var parameterTypes = map[string]types.ColumnDataType{
	"StringParameterDeclaration": types.ColumnDataTypeString, "IntegerParameterDeclaration": types.ColumnDataTypeInteger,
	"DecimalParameterDeclaration": types.ColumnDataTypeDecimal, "DateTimeParameterDeclaration": types.ColumnDataTypeDatetime,
}

// parameterType is the type of a declared parameter, empty for anything else.
func parameterType(node any) types.ColumnDataType {
	return parameterTypes[reflect.TypeOf(node).Elem().Name()]
}

// scoping checks that the visuals of a filter's scope are on the sheet there.
func (c *checker) scoping(n *types.SheetVisualScopingConfiguration, p path) {
	d := c.find(sheet, deref(n.SheetId), scope{})
	if d == nil {
		return // a fault of SheetId
	}
	if n.Scope == types.FilterVisualScopeSelectedVisuals && len(n.VisualIds) == 0 {
		c.faultf(p, "SELECTED_VISUALS needs VisualIds")
	}
	for i, id := range n.VisualIds {
		c.refer(role{refers: visual, sameSheet: true}, id, p.member("VisualIds").item(i), scope{sheet: d.node})
	}
}

// cascade checks that the control that narrows another is on the same sheet.
func (c *checker) cascade(n *types.CascadingControlSource, p path, in scope) {
	id := deref(n.SourceSheetControlId)
	if n.SourceSheetControlId == nil {
		return
	}
	p = p.member("SourceSheetControlId")
	switch {
	case c.find(parameterControl, id, in) != nil:
		c.refer(role{refers: parameterControl, sameSheet: true}, id, p, in)
	case c.find(filterControl, id, in) != nil:
		c.refer(role{refers: filterControl, sameSheet: true}, id, p, in)
	default:
		controls := append(c.ids(parameterControl, in), c.ids(filterControl, in)...)
		c.faultf(p, "there is no control %q%s", id, didYouMean(expression.Nearest(id, controls)))
	}
}

// find is the declaration of a thing, nil if there is none.
func (c *checker) find(t thing, id string, in scope) *declaration {
	if i, ok := c.index[keyOf(t, id, in)]; ok {
		return &c.declared[i]
	}
	return nil
}

// lacks says that a thing is not there.
func (c *checker) lacks(t thing, id string, in scope) string {
	whose := "there is no "
	if t.inVisual() {
		whose = "this visual has no "
	}
	return whose + string(t) + " " + quote(id) + didYouMean(expression.Nearest(id, c.ids(t, in)))
}

// ids are those of all things of a kind that a reference may mean, in order.
func (c *checker) ids(t thing, in scope) []string {
	var ids []string
	for _, d := range c.declared {
		if d.thing == t && d.visual == keyOf(t, "", in).visual {
			ids = append(ids, d.id)
		}
	}
	return ids
}

// deref is what a member holds, or nothing where it is missing.
func deref[T any](v *T) T {
	if v == nil {
		var none T
		return none
	}
	return *v
}
