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
	return o.all(terms)
}

// instant refuses a filter's operand that is no instant.
func (o operand) instant() error {
	if o.Type != dialect.Datetime && o.Type != dialect.Unknown {
		return fmt.Errorf("a %s is compared with an instant", o.Type)
	}
	return nil
}

// timeEquality gives the condition of a TimeEqualityFilter: all instants of the
// period of its granularity that the value is in.
func (p *plan) timeEquality(o operand, f *types.TimeEqualityFilter, c Choice) (condition, error) {
	at, err := f.Value, o.instant()
	switch {
	case err != nil:
	case c.made() && len(c.Values) > 0:
		at, err = pointed(dialect.ParseInstant(c.Values[0]))
	case c.made():
		return p.chosenSpan(o, c, f.TimeGranularity)
	case f.ParameterName != nil:
		at, err = p.instantOf(*f.ParameterName)
	case f.RollingDate != nil:
		at, err = pointed(p.rolling(f.RollingDate))
	}
	if err != nil || at == nil {
		return everything, err
	}
	if f.TimeGranularity == "" {
		return o.where(o.SQL + " = " + dialect.Instant(*at)), nil
	}
	s, err := periodOf(*at, f.TimeGranularity)
	return o.within(s), err
}

func pointed(t time.Time, err error) (*time.Time, error) { return &t, err }

// instantOf is a parameter's instant, or errUnset.
func (p *plan) instantOf(name string) (*time.Time, error) {
	values, err := p.valuesOf(name)
	if err != nil {
		return nil, err
	}
	t, err := dialect.ParseInstant(values[0])
	if err != nil {
		return nil, fmt.Errorf("the parameter %q: %w", name, err)
	}
	return &t, nil
}

// periodOf is the span of the period that an instant is in.
func periodOf(t time.Time, grain types.TimeGranularity) (span, error) {
	from, err := edge(t, grain, false)
	if err != nil {
		return span{}, err
	}
	to, err := edge(t, grain, true)
	return span{from, to}, err
}

// timeRange gives the condition of a TimeRangeFilter. With a granularity its
// bounds are whole periods: a range of days that includes its maximum includes
// all of that day. A bound is left out unless IncludeMinimum or IncludeMaximum
// is true.
func (p *plan) timeRange(o operand, f *types.TimeRangeFilter, c Choice) (condition, error) {
	if err := o.instant(); err != nil {
		return condition{}, err
	}
	if c.made() {
		return p.chosenSpan(o, c, f.TimeGranularity)
	}
	from, errFrom := p.timeBound(f.RangeMinimumValue)
	to, errTo := p.timeBound(f.RangeMaximumValue)
	err := eitherUnset(from == nil && to == nil, errFrom, errTo)
	if err != nil {
		return condition{}, err
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

func (p *plan) timeBound(v *types.TimeRangeFilterValue) (*time.Time, error) {
	switch {
	case v == nil:
		return nil, nil
	case v.Parameter != nil:
		return p.instantOf(*v.Parameter)
	case v.RollingDate != nil:
		return pointed(p.rolling(v.RollingDate))
	default:
		return v.StaticValue, nil
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
func (p *plan) relativeDates(o operand, f *types.RelativeDatesFilter, c Choice) (condition, error) {
	if err := o.instant(); err != nil {
		return condition{}, err
	}
	anchor, err := p.anchor(f.AnchorDateConfiguration)
	if err != nil {
		return condition{}, err
	}
	if c.made() && c.Relative == nil {
		return p.chosenSpan(o, c, "")
	}
	r := Relative{Type: f.RelativeDateType, Number: int(aws.ToInt32(f.RelativeDateValue)), Grain: f.TimeGranularity}
	if f.ParameterName != nil {
		values, err := p.valuesOf(*f.ParameterName)
		if err != nil {
			return condition{}, err
		}
		if _, err := fmt.Sscan(values[0], &r.Number); err != nil {
			return condition{}, fmt.Errorf("the parameter %q is not a number of periods", *f.ParameterName)
		}
	}
	if c.made() {
		r = *c.Relative
	}
	s, err := relativeSpan(r.Type, r.Number, r.Grain, anchor)
	if err == nil && !c.made() {
		s, err = p.excluding(s, f.ExcludePeriodConfiguration, anchor, r.Type == types.RelativeDateTypeNext)
	}
	return o.within(s), err
}

// anchor is the instant that a relative filter counts from.
func (p *plan) anchor(c *types.AnchorDateConfiguration) (time.Time, error) {
	if c != nil && c.ParameterName != nil {
		at, err := p.instantOf(*c.ParameterName)
		if err == nil {
			return *at, nil
		}
		if !errors.Is(err, errUnset) {
			return time.Time{}, err
		}
	}
	return p.Now.UTC(), nil
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
