package dialect

import "fmt"

// convert makes an argument into what a function or an operator takes: anything where
// that is Unknown, numbers where it is Decimal; a decimal is rounded to an Integer.
// QuickSight has no booleans in data: they are 1 and 0 there, so that they are numbers
// here too, and numbers are conditions
// (https://docs.aws.amazon.com/quicksight/latest/user/supported-data-types-and-values.html).
func convert(what string, want Type, v Value) (Value, error) {
	switch {
	case v.isList():
		return Value{}, fmt.Errorf("%s takes single values, not a list", what)
	case want == Unknown || v.Type == want && want != Datetime, want == Decimal && v.Type == Integer:
		return v, nil
	case v.Type == Unknown:
		return v.cast(want), nil
	case want == Datetime && v.Type == Datetime:
		if v.literal == nil {
			v.SQL = cast(v, Datetime) // it can be a DATE
		}
		return v, nil
	case want == Datetime && v.Type == String && v.literal != nil:
		at, err := literal(*v.literal, Datetime)
		if err != nil {
			return Value{}, fmt.Errorf("%s: %w", what, err)
		}
		return at, nil
	case (want == Decimal || want == Integer) && v.Type == Boolean, want == Integer && v.Type == Decimal:
		return v.cast(Integer), nil
	case want == Boolean && v.Type.isNumber():
		v.SQL, v.Type, v.literal = "("+v.SQL+" <> 0)", Boolean, nil
		return v, nil
	default:
		return Value{}, fmt.Errorf("%s takes a value of type %s, not %s", what, want, v.Type)
	}
}

// as makes a value comparable with those of a type. A text becomes what it
// stands for; one that is not known yet and stands for nothing becomes null.
func (v Value) as(t Type) (Value, error) {
	switch {
	case v.Type == t || v.Type == Unknown || t == Unknown || v.Type.isNumber() && t.isNumber():
		return v, nil
	case v.Type == Boolean && t.isNumber():
		return v.cast(Integer), nil
	case v.Type == String && v.literal != nil:
		exact, err := literal(*v.literal, t)
		if err != nil && t == Integer { // id = '1.5' is no fault, only never true
			return literal(*v.literal, Decimal)
		}
		return exact, err
	case v.Type == String:
		if t == Integer {
			t = Decimal
		}
		v.SQL, v.Type = "TRY_CAST("+v.SQL+" AS "+t.Duck()+")", t
		return v, nil
	default:
		return Value{}, fmt.Errorf("%s cannot be compared with %s", v.Type, t)
	}
}

// align makes two values comparable.
func align(x, y Value) (Value, Value, error) {
	var err error
	if x.Type == String || x.Type == Boolean && y.Type.isNumber() {
		x, err = x.as(y.Type)
	} else {
		y, err = y.as(x.Type)
	}
	return x, y, err
}

// alike gives the values of several branches one type: that of the first that
// has one; integers among decimals are decimals, and booleans among numbers are
// 1 and 0.
func alike(what string, values []Value) (Type, []Value, error) {
	typ, numbers := Unknown, false
	for _, v := range values {
		if v.isList() {
			return Unknown, nil, fmt.Errorf("%s takes single values, not a list", what)
		}
		numbers = numbers || v.Type.isNumber()
	}
	unified := make([]Value, len(values))
	for i, v := range values {
		if v.Type == Boolean && numbers {
			v = v.cast(Integer)
		}
		switch {
		case typ == Unknown || typ == Integer && v.Type == Decimal:
			typ = v.Type
		case v.Type == typ || v.Type == Unknown || typ == Decimal && v.Type == Integer:
		default:
			return Unknown, nil, fmt.Errorf("the results of %s must be of one type, not %s and %s", what, typ, v.Type)
		}
		unified[i] = v
	}
	return typ, unified, nil
}
