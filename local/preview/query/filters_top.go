package query

import (
	"errors"
	"fmt"
	"strconv"

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
func (p *plan) topBottom(o operand, f Filter) error {
	if o.stage >= grouped {
		return errors.New("the filter's column is an aggregate")
	}
	n, err := strconv.ParseFloat(f.values[0], 64)
	if err != nil || n < 1 || n > 1e9 {
		return fmt.Errorf("the limit %q is not a number of values", f.values[0])
	}
	t := top{n: int(n)}
	if t.value, err = dialect.Truncated(o.SQL, types.TimeGranularity(word(f.of, "TimeGranularity"))); err != nil {
		return err
	}
	for _, by := range part[[]types.AggregationSortConfiguration](f.of, "AggregationSortConfigurations") {
		o, err := p.topOrder(by)
		if err != nil {
			return err
		}
		t.order = append(t.order, o)
	}
	t.order = append(t.order, t.value+direction(false))
	p.tops = append(p.tops, t)
	return nil
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
