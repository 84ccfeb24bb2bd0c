package quicksight

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// Files are what the files of dashboards say, checked.
type Files struct {
	// definition is the definition of the dashboard as a JSON tree, as
	// CloudFormation accepts it, but with the file's ARNs of data sets.
	definition map[string]any
	// sets are the data sets.
	sets map[Set]*dataSet
}

// Load reads the files as they are compiled in. The error joins all that is wrong
// with them, every fault with its file and its path: what the API would refuse,
// what CloudFormation or the provider cannot pass on, columns that the views do not
// have.
var Load = sync.OnceValues(func() (*Files, error) { return load(dashboards.Files) })

// load reads and checks the files. The error joins all that is wrong with them.
func load(files fs.FS) (*Files, error) {
	loaded := &Files{sets: map[Set]*dataSet{}}
	var given []definition.DataSet
	var faults []error
	for _, s := range Sets() {
		text, err := fs.ReadFile(files, s.File)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		set, columns, wrong := loadSet(s.File, text)
		loaded.sets[s] = set
		faults = append(faults, joined(wrong))
		given = append(given, definition.DataSet{Identifier: s.Identifier, Columns: columns})
	}
	text, err := fs.ReadFile(files, dashboards.HeadcountFile)
	if err != nil {
		return nil, errors.Join(append(faults, err)...)
	}
	_, wrong := definition.Load(dashboards.HeadcountFile, text, func(*definition.Definition) []definition.DataSet { return given })
	if len(wrong) == 0 {
		loaded.definition, wrong = loadDefinition(dashboards.HeadcountFile, text)
	}
	return loaded, errors.Join(append(faults, joined(wrong))...)
}

func joined(faults []definition.Fault) error {
	var all []error
	for _, f := range faults {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// loadDefinition gives a definition, which definition.Load must have found in
// order, as CloudFormation accepts it. Of a document around it nothing is used:
// names, permissions and options are the stack's own.
func loadDefinition(file string, text []byte) (map[string]any, []definition.Fault) {
	c := &conformer{file: file}
	at, root := "$", map[string]any{}
	if err := decode(text, &root); err != nil {
		c.faultf("", "%v", err)
		return nil, c.faults
	}
	if inner, ok := root["Definition"].(map[string]any); ok {
		at, root = member(at, "Definition"), inner
	}
	c.conform(root, reflect.TypeFor[definition.Definition](), at)
	return root, c.faults
}

// decode decodes JSON, into a tree with numbers as they were written.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// loadSet reads a data set, and gives the columns that it has. The data set is
// worth something only without a fault.
func loadSet(file string, text []byte) (*dataSet, []definition.Column, []definition.Fault) {
	_, columns, faults := definition.LoadDataSet(file, text)
	c := &conformer{file: file, faults: faults}
	var set dataSet
	if err := decode(text, &set); err == nil { // else LoadDataSet says why
		c.views(&set)
	}
	return &set, columns, c.faults
}

// inputTypes are the types that the columns of a data set's tables have for
// Hive's.
var inputTypes = map[string]string{
	"timestamp": "DATETIME", "string": "STRING", "double": "DECIMAL", "bigint": "INTEGER", "boolean": "BOOLEAN",
}

// views checks that each table of a data set is a view, and has its columns.
func (c *conformer) views(set *dataSet) {
	known := map[string]views.View{}
	recent := views.RecentEvents("events_safe", views.ImportedDays)
	known[recent.Name] = recent
	for _, table := range results.Tables {
		v := views.Published(table, table.Name, "any", views.Days)
		known[v.Name] = v
	}
	for _, id := range slices.Sorted(maps.Keys(set.PhysicalTableMap)) {
		table := set.PhysicalTableMap[id].RelationalTable
		if table == nil {
			// Queries would hide from the views' test what they read.
			c.faultf(member(member("$", "PhysicalTableMap"), id), "it is no RelationalTable: a data set stands on the stack's views")
			continue
		}
		at := member(member(member("$", "PhysicalTableMap"), id), "RelationalTable")
		view, ok := known[table.Name]
		if !ok {
			c.faultf(member(at, "Name"), "there is no view %q: there are %s", table.Name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		c.columns(table.InputColumns, view, member(at, "InputColumns"))
	}
}

// columns checks that a table has exactly the columns of its view.
func (c *conformer) columns(columns []quicksight.DataSetPhysicalTableMapRelationalTableInputColumn, view views.View, at string) {
	want := map[string]string{}
	for _, col := range view.Columns {
		want[col.Name] = inputTypes[col.Type]
	}
	for i, col := range columns {
		at := fmt.Sprintf("%s[%d]", at, i)
		switch kind, ok := want[col.Name]; {
		case !ok:
			c.faultf(member(at, "Name"), "the view %s has no column %q", view.Name, col.Name)
		case kind != col.Type:
			c.faultf(member(at, "Type"), "the column %q is %s in the view %s", col.Name, kind, view.Name)
		}
		delete(want, col.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		c.faultf(at, "the column %q of the view %s is missing", name, view.Name)
	}
}
