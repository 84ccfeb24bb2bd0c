package visual

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

var update = flag.Bool("update", false, "write testdata/drawings/*.want.json")

// drawingCase is testdata/drawings/<case>.in.json: a visual, and the rows that
// its queries get, in turn.
type drawingCase struct {
	Definition definition.Definition
	Visual     types.Visual
	// Types are those of the answer's columns where they are not what fakeBuild
	// takes them for: string, integer, decimal, datetime.
	Types   map[string]string
	Answers [][][]any
}

// drawingWant is testdata/drawings/<case>.want.json.
type drawingWant struct {
	Specs   []query.Spec
	Drawing *Drawing
}

func TestDrawings(t *testing.T) {
	files, err := filepath.Glob("testdata/drawings/*.in.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".in.json")
		t.Run(name, func(t *testing.T) {
			c := readCase(t, file)
			want := drawingWant{}
			b := &query.Builder{File: "case.json", Definition: &c.Definition}
			p := newPlan(b, "sheet", &c.Visual, "$.Sheets[0].Visuals[0]")
			for _, q := range p.questions {
				want.Specs = append(want.Specs, q.spec)
			}
			want.Drawing = p.draw(t.Context(), c.build, c.ask(t))
			var got bytes.Buffer
			e := json.NewEncoder(&got)
			e.SetIndent("", "\t")
			e.SetEscapeHTML(false)
			if err := e.Encode(want); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".in.json") + ".want.json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			before, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, got.Bytes()) {
				t.Errorf("%s is another one; run with -update and look at the difference:\n%s", golden, got.Bytes())
			}
		})
	}
}

func readCase(t *testing.T, file string) *drawingCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &drawingCase{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(c); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return c
}

var typeNames = map[string]dialect.Type{
	"string": dialect.String, "integer": dialect.Integer, "decimal": dialect.Decimal, "datetime": dialect.Datetime,
}

// build makes a query whose columns are those of the Spec.
func (c *drawingCase) build(spec query.Spec) (*query.Query, error) {
	q := fakeBuild(spec)
	for i, column := range q.Columns {
		if name, ok := c.Types[column.FieldID]; ok {
			q.Columns[i].Type = typeNames[name]
		}
	}
	for _, l := range spec.Limits {
		if l.Others {
			q.Columns = append(q.Columns, query.ResultColumn{FieldID: query.OthersColumn(l.FieldID), Type: dialect.Boolean})
		}
	}
	return q, nil
}

// fakeBuild takes dimensions for texts, measures for integers, and everything
// with a granularity for instants.
func fakeBuild(spec query.Spec) *query.Query {
	q := &query.Query{}
	for _, f := range spec.Dimensions {
		kind := dialect.String
		if f.Grain != "" {
			kind = dialect.Datetime
		}
		q.Columns = append(q.Columns, query.ResultColumn{FieldID: f.ID, Type: kind})
	}
	for _, f := range spec.Measures {
		q.Columns = append(q.Columns, query.ResultColumn{FieldID: f.ID, Type: dialect.Integer})
	}
	if len(spec.Totals) > 0 {
		q.Columns = append(q.Columns, query.ResultColumn{FieldID: query.GroupingColumn, Type: dialect.Integer})
	}
	return q
}

// ask gives the answers in turn: numbers with a point are float64, others int64,
// texts in a column of instants are instants, and in a column with a rest "Others"
// is the rest.
func (c *drawingCase) ask(t *testing.T) Ask {
	next := 0
	return func(_ context.Context, q *query.Query) ([][]any, error) {
		if next == len(c.Answers) {
			t.Fatal("one question more than answers")
		}
		rows := c.Answers[next]
		next++
		for n, row := range rows {
			for i, v := range row {
				row[i] = cellOf(t, v, q.Columns[i].Type)
			}
			for i, column := range q.Columns {
				id, ok := strings.CutPrefix(column.FieldID, query.OthersColumn(""))
				if !ok {
					continue
				}
				of := slices.IndexFunc(q.Columns, func(c query.ResultColumn) bool { return c.FieldID == id })
				rest := row[of] == query.OthersLabel
				if rest {
					row[of] = nil
				}
				rows[n] = append(rows[n], rest)
				if len(rows[n]) != i+1 {
					t.Fatal("the columns of the rest are not the last ones")
				}
			}
		}
		return rows, nil
	}
}

func cellOf(t *testing.T, v any, kind dialect.Type) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	case string:
		if kind != dialect.Datetime {
			return v
		}
		at, err := time.Parse(time.DateTime, v)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, v); err != nil {
				t.Fatal(err)
			}
		}
		return at
	default:
		return v
	}
}
