package query

import (
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// union gives the name and the value of the one member of a union that is set, a
// struct; the name is empty if there is none.
func union(of any) (name string, member reflect.Value) {
	v := reflect.ValueOf(of)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			return v.Type().Field(i).Name, f.Elem()
		}
	}
	return "", reflect.Value{}
}

// part is a member of a struct, nothing if it has no such member.
func part[T any](of reflect.Value, name string) (v T) {
	if f := of.FieldByName(name); f.IsValid() {
		v, _ = f.Interface().(T)
	}
	return v
}

// word is a member that is an enumeration's, empty if there is no such member.
func word(of reflect.Value, name string) string {
	if f := of.FieldByName(name); f.IsValid() {
		return f.String()
	}
	return ""
}

// texts are a member that is a value, or several: numbers as texts, instants as RFC
// 3339 in UTC. There are none if it is unset.
func texts(of reflect.Value, name string) (all []string) {
	f := of.FieldByName(name)
	switch {
	case !f.IsValid() || f.IsZero():
	case f.Kind() == reflect.Slice:
		for i := range f.Len() {
			all = append(all, text(f.Index(i).Interface()))
		}
	default:
		all = []string{text(f.Elem().Interface())}
	}
	return all
}

func text(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	default:
		return fmt.Sprint(v)
	}
}
