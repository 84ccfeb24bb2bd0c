package query

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// span is a range of instants: from, included, to, excluded. The zero instant is
// no bound.
type span struct{ from, to time.Time }

// within is the condition that an operand is in a span. The operand itself is
// compared, not what is left of it when it is cut off, so that DuckDB can leave
// out row groups.
func (o operand) within(s span) condition {
	var terms []string
	if !s.from.IsZero() {
		terms = append(terms, o.SQL+" >= "+dialect.Instant(s.from))
	}
	if !s.to.IsZero() {
		terms = append(terms, o.SQL+" < "+dialect.Instant(s.to))
	}
	if len(terms) == 0 {
		return o.where("")
	}
	return o.where("(" + strings.Join(terms, " AND ") + ")")
}

// instantOperand is a filter's operand that must be an instant.
func (p *plan) instantOperand(column *types.ColumnIdentifier, nulls types.FilterNullOption) (operand, error) {
	o, err := p.operand(column, nil, nulls)
	if err != nil {
		return operand{}, err
	}
	if o.Type != dialect.Datetime && o.Type != dialect.Unknown {
		return operand{}, fmt.Errorf("a %s is compared with an instant", o.Type)
	}
	return o, nil
}

// timeEquality gives the condition of a TimeEqualityFilter: all instants of the
// period of its granularity that the value is in.
func (p *plan) timeEquality(f *types.TimeEqualityFilter) (condition, error) {
	choice, chosen := p.choice(f.FilterId)
	if choice.All {
		return everything, nil
	}
	o, err := p.instantOperand(f.Column, types.FilterNullOptionNonNullsOnly)
	if err != nil {
		return condition{}, err
	}
	at := f.Value
	switch {
	case chosen && len(choice.Values) > 0:
		t, err := dialect.ParseInstant(choice.Values[0])
		if err != nil {
			return condition{}, err
		}
		at = &t
	case chosen:
		return p.chosenSpan(o, choice, f.TimeGranularity)
	case f.ParameterName != nil:
		if at, err = p.instantOf(*f.ParameterName); err != nil {
			return condition{}, err
		}
	case f.RollingDate != nil:
		t, err := p.rolling(f.RollingDate)
		if err != nil {
			return condition{}, err
		}
		at = &t
	}
	if at == nil {
		return everything, nil
	}
	if f.TimeGranularity == "" {
		return o.where(o.SQL + " = " + dialect.Instant(*at)), nil
	}
	s, err := periodsOf(*at, *at, f.TimeGranularity)
	return o.within(s), err
}

// instantOf is a parameter's instant, nil where it is unset.
func (p *plan) instantOf(name string) (*time.Time, error) {
	parameter, err := p.filterParameter(name)
	if err != nil {
		return nil, err
	}
	if len(parameter.Values) == 0 {
		return nil, nil
	}
	t, err := dialect.ParseInstant(parameter.Values[0])
	if err != nil {
		return nil, fmt.Errorf("the parameter %q: %w", name, err)
	}
	return &t, nil
}

// periodsOf is the span of the periods from one instant's to another's.
func periodsOf(from, to time.Time, grain types.TimeGranularity) (span, error) {
	from, err := cut(from, grain)
	if err != nil {
		return span{}, err
	}
	if to, err = cut(to, grain); err != nil {
		return span{}, err
	}
	to, err = moved(to, 1, grain)
	return span{from, to}, err
}

// timeRange gives the condition of a TimeRangeFilter. With a granularity its
// bounds are whole periods: a range of days that includes its maximum includes
// all of that day. A bound is left out unless IncludeMinimum or IncludeMaximum
// is true.
func (p *plan) timeRange(f *types.TimeRangeFilter) (condition, error) {
	choice, chosen := p.choice(f.FilterId)
	if choice.All {
		return everything, nil
	}
	o, err := p.instantOperand(f.Column, f.NullOption)
	if err != nil {
		return condition{}, err
	}
	if chosen {
		return p.chosenSpan(o, choice, f.TimeGranularity)
	}
	from, unset1, err := p.timeBound(f.RangeMinimumValue)
	if err != nil {
		return condition{}, err
	}
	to, unset2, err := p.timeBound(f.RangeMaximumValue)
	if err != nil {
		return condition{}, err
	}
	if from == nil && to == nil && (unset1 || unset2) {
		return everything, nil
	}
	var s span
	// The least step after an instant is DuckDB's microsecond.
	if from != nil {
		if s.from, err = edge(*from, f.TimeGranularity, !aws.ToBool(f.IncludeMinimum)); err != nil {
			return condition{}, err
		}
	}
	if to != nil {
		if s.to, err = edge(*to, f.TimeGranularity, aws.ToBool(f.IncludeMaximum)); err != nil {
			return condition{}, err
		}
	}
	if s, err = p.excluding(s, f.ExcludePeriodConfiguration, p.Now, false); err != nil {
		return condition{}, err
	}
	return o.within(s), nil
}

// edge is where the period of an instant begins, or, past it, the next one.
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

func (p *plan) timeBound(v *types.TimeRangeFilterValue) (at *time.Time, unset bool, err error) {
	switch {
	case v == nil:
		return nil, false, nil
	case v.Parameter != nil:
		at, err = p.instantOf(*v.Parameter)
		return at, at == nil, err
	case v.RollingDate != nil:
		t, err := p.rolling(v.RollingDate)
		return &t, false, err
	default:
		return v.StaticValue, false, nil
	}
}

// chosenSpan is the condition of the range that the reader chose. A day that
// bounds it is in it as a whole.
func (p *plan) chosenSpan(o operand, c Choice, grain types.TimeGranularity) (condition, error) {
	var s span
	if c.Relative != nil {
		s, err := relativeSpan(c.Relative.Type, c.Relative.Number, c.Relative.Grain, p.Now)
		return o.within(s), err
	}
	for _, bound := range []struct {
		text string
		at   *time.Time
		past bool
	}{{c.From, &s.from, false}, {c.To, &s.to, true}} {
		if bound.text == "" {
			continue
		}
		t, err := dialect.ParseInstant(bound.text)
		if err != nil {
			return condition{}, err
		}
		grain := grain
		if grain == "" && len(strings.TrimSpace(bound.text)) == len("2006-01-02") {
			grain = types.TimeGranularityDay
		}
		if *bound.at, err = edge(t, grain, bound.past); err != nil {
			return condition{}, err
		}
	}
	return o.within(s), nil
}

// relativeDates gives the condition of a RelativeDatesFilter.
func (p *plan) relativeDates(f *types.RelativeDatesFilter) (condition, error) {
	choice, chosen := p.choice(f.FilterId)
	if choice.All {
		return everything, nil
	}
	o, err := p.instantOperand(f.Column, f.NullOption)
	if err != nil {
		return condition{}, err
	}
	anchor, err := p.anchor(f.AnchorDateConfiguration)
	if err != nil {
		return condition{}, err
	}
	if chosen && choice.Relative == nil {
		return p.chosenSpan(o, choice, "")
	}
	number := int(aws.ToInt32(f.RelativeDateValue))
	if f.ParameterName != nil {
		parameter, err := p.filterParameter(*f.ParameterName)
		if err != nil {
			return condition{}, err
		}
		if len(parameter.Values) == 0 {
			return everything, nil
		}
		if _, err := fmt.Sscan(parameter.Values[0], &number); err != nil {
			return condition{}, fmt.Errorf("the parameter %q is not a number of periods", parameter.Name)
		}
	}
	r := Relative{Type: f.RelativeDateType, Number: number, Grain: f.TimeGranularity}
	if chosen {
		r = *choice.Relative
	}
	s, err := relativeSpan(r.Type, r.Number, r.Grain, anchor)
	if err != nil {
		return condition{}, err
	}
	if !chosen {
		s, err = p.excluding(s, f.ExcludePeriodConfiguration, anchor, r.Type == types.RelativeDateTypeNext)
	}
	return o.within(s), err
}

// anchor is the instant that a relative filter counts from.
func (p *plan) anchor(c *types.AnchorDateConfiguration) (time.Time, error) {
	if c == nil || c.ParameterName == nil {
		return p.Now.UTC(), nil
	}
	at, err := p.instantOf(*c.ParameterName)
	if err != nil {
		return time.Time{}, err
	}
	if at == nil {
		return p.Now.UTC(), nil
	}
	return *at, nil
}

// relativeSpan is the span of a relative filter, as
// https://docs.aws.amazon.com/quicksight/latest/user/add-a-date-filter2.html
// says: PREVIOUS is the period before the anchor's, THIS the anchor's with what
// of it is in the future, NOW that period up to the anchor. The last n periods
// are the anchor's, as a whole, and the n-1 before it; the next n are taken to be
// the anchor's and the n-1 after it.
func relativeSpan(kind types.RelativeDateType, n int, grain types.TimeGranularity, anchor time.Time) (span, error) {
	if grain == "" {
		return span{}, errors.New("the filter has no time granularity")
	}
	start, err := cut(anchor, grain)
	if err != nil {
		return span{}, err
	}
	n = max(n, 1)
	first, past := 0, 1 // periods from the anchor's
	switch kind {
	case types.RelativeDateTypePrevious:
		first, past = -1, 0
	case types.RelativeDateTypeThis:
	case types.RelativeDateTypeLast:
		first = 1 - n
	case types.RelativeDateTypeNext:
		past = n
	case types.RelativeDateTypeNow:
		return span{start, anchor.Add(time.Microsecond)}, nil
	default:
		return span{}, fmt.Errorf("there is no relative date type %q", kind)
	}
	from, err := moved(start, first, grain)
	if err != nil {
		return span{}, err
	}
	to, err := moved(start, past, grain)
	return span{from, to}, err
}

// excluding cuts off the last periods of a span, counted back from the anchor's
// own, which is the first of them; of a span into the future, the next ones. The
// documentation says no more than that the periods are excluded.
func (p *plan) excluding(s span, c *types.ExcludePeriodConfiguration, anchor time.Time, next bool) (span, error) {
	if c == nil || c.Status == types.WidgetStatusDisabled {
		return s, nil
	}
	start, err := cut(anchor, c.Granularity)
	if err != nil {
		return span{}, err
	}
	amount := int(aws.ToInt32(c.Amount))
	if next {
		from, err := moved(start, amount, c.Granularity)
		if err == nil && from.After(s.from) {
			s.from = from
		}
		return s, err
	}
	to, err := moved(start, 1-amount, c.Granularity)
	if err == nil && (s.to.IsZero() || to.Before(s.to)) {
		s.to = to
	}
	return s, err
}
