package preview

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// columnTypes are QuickSight's names of the types of columns.
var columnTypes = map[dialect.Type]types.ColumnDataType{
	dialect.String: types.ColumnDataTypeString, dialect.Integer: types.ColumnDataTypeInteger, dialect.Boolean: types.ColumnDataTypeInteger,
	dialect.Decimal: types.ColumnDataTypeDecimal, dialect.Datetime: types.ColumnDataTypeDatetime,
}

// described gives a data set as the checks and as the queries want it.
func described(id, table string, columns []sql.ViewColumn) (definition.DataSet, query.Source) {
	set := definition.DataSet{Identifier: id}
	source := query.Source{Identifier: id, Table: quoted(table)}
	for _, c := range columns {
		t := dialect.TypeOf(c.Type)
		set.Columns = append(set.Columns, definition.Column{Name: c.Name, Type: columnTypes[t]})
		source.Columns = append(source.Columns, query.Column{Name: c.Name, Type: t, SQL: c.SQL})
	}
	return set, source
}

func quoted(name string) string { return dialect.Name(name) }

// connect finds the data sets that the definition declares, in a snapshot of the
// files.
func (s *Server) connect(ctx context.Context, l *loaded, files sql.Listing) (sets []definition.DataSet) {
	var err error
	if l.data, err = s.db.Snapshot(ctx, files); err != nil {
		l.broken = true
		l.faults = append(l.faults, definition.Fault{File: s.config.File, Path: "$", Problem: err.Error()})
		return nil
	}
	var declared []string
	for i, d := range l.definition.DataSetIdentifierDeclarations {
		if d.Identifier == nil {
			continue
		}
		declared = append(declared, *d.Identifier)
		table, columns, problem := s.dataSet(ctx, l, *d.Identifier, fmt.Sprintf("data set %d", i))
		if problem != "" {
			l.faults = append(l.faults, definition.Fault{
				File: s.config.File, Path: fmt.Sprintf("$.DataSetIdentifierDeclarations[%d]", i), Problem: fmt.Sprintf("data set %q: %s", *d.Identifier, problem),
			})
		}
		if columns != nil {
			set, source := described(*d.Identifier, table, columns)
			sets, l.sources = append(sets, set), append(l.sources, source)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.config.DataSets)) {
		if !slices.Contains(declared, id) {
			l.faults = append(l.faults, definition.Fault{
				File: s.config.File, Path: "$.DataSetIdentifierDeclarations", Problem: fmt.Sprintf("--dataset %s: there is no data set %q, only %s", id, id, strings.Join(declared, ", ")),
			})
		}
	}
	return sets
}

// dataSet finds one data set: a view called name, or one of the folder's. There are
// no columns where it cannot be asked.
func (s *Server) dataSet(ctx context.Context, l *loaded, id, name string) (table string, columns []sql.ViewColumn, problem string) {
	statement, given := s.config.DataSets[id]
	view, known := s.config.Views[id]
	failed := func(format string, err error) (string, []sql.ViewColumn, string) {
		l.broken = true
		s.reconsider(err)
		return "", nil, fmt.Sprintf(format, err)
	}
	switch {
	case given:
		table = name
		if err := l.data.Add(ctx, sql.View{Name: name, SQL: statement}); err != nil {
			return failed("--dataset "+id+": %s", err)
		}
	case !known || s.config.Dir == "":
		return "", nil, fmt.Sprintf("nothing says where its rows come from; give them by --dataset '%s=SELECT …'", id)
	case view.Imported:
		table = name
		if err := l.data.Add(ctx, sql.View{Name: name, SQL: "SELECT * FROM " + quoted(view.Name), Imported: true}); err != nil {
			return failed("%s", err)
		}
	default:
		table = view.Name
	}
	columns, err := l.data.Columns(ctx, table)
	if err != nil && given {
		return failed("--dataset "+id+": %s", err)
	}
	if err != nil {
		return failed("%s", err)
	}
	if given || s.config.Filling || view.Sparse {
		return table, columns, ""
	}
	empty := l.data.NoFiles(view.Name)
	if !empty && !view.Imported { // an import is for when it is asked for
		rows, err := l.data.Ask(ctx, "SELECT 1 FROM "+quoted(table)+" LIMIT 1")
		if err != nil {
			return failed("%s", err)
		}
		empty = len(rows) == 0
	}
	if empty {
		problem = fmt.Sprintf("there are no rows for %s in the Parquet files under %s", view.Name, s.config.Dir)
		if view.Narrow != "" {
			problem += "; " + view.Narrow
		}
	}
	return table, columns, problem
}

// look is what there is at one time: the definition's text, and the data's files.
type look struct {
	state string // changes whenever one of them does
	text  []byte
	files sql.Listing
}

// look reads the definition and lists the files.
func (s *Server) look() (look, error) {
	text, err := s.config.Read()
	if err != nil {
		return look{}, fmt.Errorf("definition: %w", err)
	}
	files := s.db.List(s.tables)
	s.mu.Lock()
	s.adopted.adopt(files, s.imported, time.Now(), max(importEvery, importShare*s.db.ImportTook()))
	s.mu.Unlock()
	parts := []any{string(text)}
	for _, table := range slices.Sorted(maps.Keys(files)) {
		parts = append(parts, table, files[table].Version())
	}
	return look{digest(parts...), text, files}, nil
}

func digest(parts ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:])[:16]
}

// While files keep coming, a data set is imported again at most every importEvery,
// and for one part in importShare of the time.
const (
	importEvery = 10 * time.Second
	importShare = 10
)

// adopted is the files of the tables behind imported data sets that are shown.
type adopted map[string]adoption

type adoption struct {
	files sql.Files
	at    time.Time
}

// adopt puts the files that are shown in the place of newer ones, until they have
// been shown for a while. Faults are not held: they are over when the file is gone.
func (a *adopted) adopt(files sql.Listing, tables []string, now time.Time, wait time.Duration) {
	if *a == nil {
		*a = adopted{}
	}
	for _, t := range tables {
		shown, ok := (*a)[t]
		switch {
		case ok && shown.files.OK() && now.Sub(shown.at) < wait:
			files[t] = shown.files
		case !ok || files[t].Version() != shown.files.Version():
			(*a)[t] = adoption{files[t], now}
		}
	}
}

// reconsider has newer files be shown at once where those that are shown are gone.
func (s *Server) reconsider(err error) {
	if !errors.Is(err, sql.ErrChanged) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopted = nil
}
