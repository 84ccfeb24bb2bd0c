package query

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// end bounds a range from below or, if it is upper, from above. Of instants it is all
// of the period of the grain that the text is in.
type end struct {
	text           string
	grain          types.TimeGranularity
	upper, include bool
}

// between is the condition of a range. The operand itself is compared, not what is
// left of it when it is cut off, so that DuckDB can leave out row groups.
func (o operand) between(ends []end) (condition, error) {
	terms := make([]string, len(ends))
	for i, e := range ends {
		operator := map[bool]string{false: " >= ", true: " < "}[e.upper]
		if o.Type == dialect.Datetime {
			at, err := dialect.ParseInstant(e.text)
			if err == nil {
				at, err = edge(at, e.grain, e.upper == e.include)
			}
			if err != nil {
				return condition{}, err
			}
			terms[i] = o.SQL + operator + dialect.Instant(at)
			continue
		}
		v, err := dialect.Constant([]string{e.text}, dialect.Decimal)
		if err != nil {
			return condition{}, err
		}
		if e.include == e.upper {
			operator = map[bool]string{false: " > ", true: " <= "}[e.upper]
		}
		terms[i] = o.SQL + operator + v.SQL
	}
	if len(terms) == 0 {
		return o.where(""), nil
	}
	return o.where("(" + strings.Join(terms, " AND ") + ")"), nil
}

// edge is where the period of an instant begins or, past it, the next one. The least
// step after an instant is DuckDB's microsecond.
func edge(t time.Time, grain types.TimeGranularity, past bool) (time.Time, error) {
	start, err := cut(t, grain)
	if err != nil || !past {
		return start, err
	}
	if grain == "" {
		return inRange(start.Add(time.Microsecond))
	}
	return moved(start, 1, grain)
}

// ends are those of a filter of a range or of instants, or errUnset where they are
// parameters that have no value.
func (p *plan) ends(f Filter, c Choice) (all []end, err error) {
	grain := types.TimeGranularity(word(f.of, "TimeGranularity"))
	switch {
	case f.Kind == "RelativeDatesFilter" && (c.Relative != nil || !c.made()):
		return p.relativeDates(f, c.Relative, grain)
	case c.Relative != nil:
		return relative(*c.Relative, p.Now)
	case f.Kind == "TimeEqualityFilter" && len(f.values) > 0:
		return []end{{f.values[0], grain, false, true}, {f.values[0], grain, true, true}}, nil
	case c.made() && f.Kind == "RelativeDatesFilter":
		return chosen(c, ""), nil
	case c.made():
		return chosen(c, grain), nil
	}
	var unset error
	for i, name := range []string{"Minimum", "Maximum"} {
		v := f.of.FieldByName("Range" + name)
		if !v.IsValid() {
			v = f.of.FieldByName("Range" + name + "Value")
		}
		if v.IsNil() {
			continue
		}
		values, err := p.bound(v.Elem())
		switch {
		case errors.Is(err, errUnset): // which matters only where there is no other bound
			unset = err
		case err != nil:
			return nil, err
		case len(values) > 0:
			all = append(all, end{values[0], grain, i == 1, aws.ToBool(part[*bool](f.of, "Include"+name))})
		}
	}
	if len(all) == 0 && unset != nil {
		return nil, unset
	}
	return p.excluding(all, f, p.Now, false)
}

// bound is the value of a range's bound; there is none if it has none.
func (p *plan) bound(v reflect.Value) ([]string, error) {
	if parameter := part[*string](v, "Parameter"); parameter != nil {
		return p.valuesOf(*parameter)
	}
	if rolling := part[*types.RollingDateConfiguration](v, "RollingDate"); rolling != nil {
		t, err := p.rolling(rolling)
		return []string{text(t)}, err
	}
	return texts(v, "StaticValue"), nil
}

// chosen are the ends of the range that the reader chose. A day that bounds it is in
// it as a whole.
func chosen(c Choice, grain types.TimeGranularity) (all []end) {
	for i, text := range []string{c.From, c.To} {
		e := end{text, grain, i == 1, true}
		if grain == "" && len(strings.TrimSpace(text)) == len("2006-01-02") {
			e.grain = types.TimeGranularityDay
		}
		if text != "" {
			all = append(all, e)
		}
	}
	return all
}

// relativeDates gives the ends of a RelativeDatesFilter, or those that the reader chose
// in its place.
func (p *plan) relativeDates(f Filter, chosen *Relative, grain types.TimeGranularity) ([]end, error) {
	m := f.of.Addr().Interface().(*types.RelativeDatesFilter) //nolint:errcheck,forcetypeassert // by its kind
	anchor := p.Now.UTC()
	if c := m.AnchorDateConfiguration; c != nil && c.ParameterName != nil {
		values, err := p.valuesOf(*c.ParameterName)
		if err == nil {
			anchor, err = dialect.ParseInstant(values[0])
		}
		if err != nil && !errors.Is(err, errUnset) {
			return nil, err
		}
	}
	if chosen != nil {
		return relative(*chosen, anchor)
	}
	r := Relative{m.RelativeDateType, int(aws.ToInt32(m.RelativeDateValue)), grain}
	if len(f.values) > 0 {
		var err error
		if r.Number, err = strconv.Atoi(f.values[0]); err != nil {
			return nil, fmt.Errorf("the parameter %q is not a number of periods", *f.parameter)
		}
	}
	ends, err := relative(r, anchor)
	if err != nil {
		return nil, err
	}
	return p.excluding(ends, f, anchor, r.Type == types.RelativeDateTypeNext)
}

// relative gives the ends of a relative filter, as
// https://docs.aws.amazon.com/quicksight/latest/user/add-a-date-filter2.html
// says: PREVIOUS is the period before the anchor's, THIS the anchor's with what
// of it is in the future, NOW that period up to the anchor. The last n periods
// are the anchor's, as a whole, and the n-1 before it; the next n are taken to be
// the anchor's and the n-1 after it.
func relative(r Relative, anchor time.Time) ([]end, error) {
	if r.Grain == "" {
		return nil, errors.New("the filter has no time granularity")
	}
	first, last := 0, 0 // periods from the anchor's
	switch r.Type {
	case types.RelativeDateTypePrevious:
		first, last = -1, -1
	case types.RelativeDateTypeLast:
		first = min(1-r.Number, 0)
	case types.RelativeDateTypeNext:
		last = max(r.Number-1, 0)
	case types.RelativeDateTypeThis, types.RelativeDateTypeNow:
	default:
		return nil, fmt.Errorf("there is no relative date type %q", r.Type)
	}
	start, err := cut(anchor, r.Grain)
	if err != nil {
		return nil, err
	}
	from, errFrom := moved(start, first, r.Grain)
	to, errTo := moved(start, last, r.Grain)
	ends := []end{{text(from), r.Grain, false, true}, {text(to), r.Grain, true, true}}
	if r.Type == types.RelativeDateTypeNow {
		ends[1] = end{text(anchor), "", true, true}
	}
	return ends, errors.Join(errFrom, errTo)
}

// excluding cuts off the last periods of a range, counted back from the anchor's
// own, which is the first of them; of a range into the future, the next ones. The
// documentation says no more than that the periods are excluded.
func (p *plan) excluding(ends []end, f Filter, anchor time.Time, next bool) ([]end, error) {
	c := part[*types.ExcludePeriodConfiguration](f.of, "ExcludePeriodConfiguration")
	if c == nil || c.Status == types.WidgetStatusDisabled {
		return ends, nil
	}
	amount := int(aws.ToInt32(c.Amount))
	if !next {
		amount = 1 - amount
	}
	start, err := cut(anchor, c.Granularity)
	if err == nil {
		start, err = moved(start, amount, c.Granularity)
	}
	return append(ends, end{text(start), "", !next, next}), err
}
