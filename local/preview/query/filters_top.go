package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// top keeps the rows whose value is among the first ones in an order.
type top struct {
	value string   // in SQL, of a row
	order []string // terms of ORDER BY over the rows of a value
	n     int
}

// topBottom notes a TopBottomFilter. Its values are ordered by their aggregates
// over the rows that all other filters let through, and equal ones by
// themselves; null is not one of them.
func (p *plan) topBottom(f *types.TopBottomFilter, choice Choice) error {
	if f.Column == nil {
		return errors.New("the filter has no column")
	}
	v, err := p.column(aws.ToString(f.Column.ColumnName))
	if err != nil {
		return err
	}
	if v.stage >= grouped {
		return errors.New("the filter's column is an aggregate")
	}
	if v.SQL, err = dialect.Truncated(v.SQL, f.TimeGranularity); err != nil {
		return err
	}
	n, err := p.topLimit(f, choice)
	if err != nil {
		return err
	}
	t := top{value: v.SQL, n: n}
	for _, by := range f.AggregationSortConfigurations {
		o, err := p.topOrder(by)
		if err != nil {
			return err
		}
		t.order = append(t.order, o)
	}
	t.order = append(t.order, v.SQL+direction(false))
	p.tops = append(p.tops, t)
	return nil
}

// topLimit is how many values are kept, or errUnset.
func (p *plan) topLimit(f *types.TopBottomFilter, c Choice) (int, error) {
	text := strconv.Itoa(int(aws.ToInt32(f.Limit)))
	switch {
	case len(c.Values) > 0:
		text = c.Values[0]
	case f.ParameterName != nil:
		values, err := p.valuesOf(*f.ParameterName)
		if err != nil {
			return 0, err
		}
		text = values[0]
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 1 || n > 1e9 {
		return 0, fmt.Errorf("the limit %q is not a number of values", text)
	}
	return int(n), nil
}

func (p *plan) topOrder(by types.AggregationSortConfiguration) (string, error) {
	if by.Column == nil {
		return "", errors.New("the filter's sort has no column")
	}
	v, err := p.column(aws.ToString(by.Column.ColumnName))
	if err != nil {
		return "", err
	}
	if v, err = p.aggregated(v, by.AggregationFunction); err != nil {
		return "", err
	}
	if v.stage != grouped {
		return "", Unsupported{Feature: "a TopBottomFilter by a table calculation"}
	}
	return v.SQL + direction(by.SortDirection == types.SortDirectionDesc), nil
}

// query is that of the values that are kept.
func (t top) query(from string) string {
	return fmt.Sprintf("SELECT %[1]s AS v FROM %[2]s WHERE %[1]s IS NOT NULL GROUP BY %[1]s ORDER BY %[3]s LIMIT %[4]d",
		t.value, from, strings.Join(t.order, ", "), t.n)
}
