package definition

import "reflect"

// scope is where in a definition something stands: on a sheet, in a visual. Both
// are nil outside.
type scope struct {
	sheet  any // *types.SheetDefinition or *types.TooltipSheetDefinition
	visual any // such as *types.BarChartVisual
}

// walk visits every struct in v, each before what is in it, and every list's items
// in order. What stands behind an interface has no references in a definition.
func walk(v reflect.Value, p path, in scope, visit func(v reflect.Value, s *shape, p path, in scope)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), p, in, visit)
		}
	case reflect.Slice:
		if elem := v.Type().Elem().Kind(); elem != reflect.Struct && elem != reflect.Pointer {
			return
		}
		for i := range v.Len() {
			walk(v.Index(i), p.item(i), in, visit)
		}
	case reflect.Struct:
		if v.Type() == timeType {
			return
		}
		s := shapeOf(v.Type())
		switch {
		case s.sheet:
			in.sheet = v.Addr().Interface()
		case s.visual:
			in.visual = v.Addr().Interface()
		}
		visit(v, s, p, in)
		for i, field := range s.fields {
			walk(v.Field(field), p.member(s.names[i]), in, visit)
		}
	default:
	}
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
