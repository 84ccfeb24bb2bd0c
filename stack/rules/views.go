package rules

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// viewRule is the rule on one view: Athena finds in it the SQL that the laptop
// runs, and a change of it is a new view.
func viewRule(name string, configured func(*settings.Settings) views.View) Rule {
	mutate := func(value any, path ...any) Mutant { return change(tableType, named(name), value, path...) }
	return Rule{
		ID: "view-" + name, What: "the view " + name + " is the one that is tested on a laptop, and is replaced when it changes",
		Check: func(s *Stack) (broken []string) {
			want := configured(s.Settings)
			i := slices.IndexFunc(s.Resources, func(r record.Resource) bool { return r.Type == tableType && r.Name == name })
			if i < 0 {
				return []string{"there is no view " + name}
			}
			r := s.Resources[i]
			var columns [][2]string
			for _, c := range want.Columns {
				columns = append(columns, [2]string{c.Name, c.Type})
			}
			broken = sameColumns(r, columns)
			if text(r, "tableType") != "VIRTUAL_VIEW" || text(r, "parameters", "presto_view") != "true" || text(r, "viewExpandedText") != "/* Presto View */" {
				broken = append(broken, name+" is no view to Athena")
			}
			// The provider leaves an empty block out, and a view without one is "missing SerDe info" to Athena
			// (https://github.com/hashicorp/terraform-provider-aws/issues/28517).
			if text(r, "storageDescriptor", "serDeInfo", "name") != "-" || text(r, "storageDescriptor", "serDeInfo", "serializationLibrary") != "-" {
				broken = append(broken, name+" has no SerDe info: its name and its library must be -")
			}
			if !slices.Contains(r.Options.ReplaceOnChanges, "viewOriginalText") || !r.Options.DeleteBeforeReplace {
				broken = append(broken, name+" would be changed in place, which the provider does wrong")
			}
			return append(broken, viewSQL(r, want, s)...)
		},
		Mutants: []Mutant{
			remove(tableType, named(name)), mutate("/* Presto View: e30= */", "viewOriginalText"), mutate("", "viewExpandedText"),
			mutate("EXTERNAL_TABLE", "tableType"), mutate(nil, "parameters", "presto_view"), mutate(nil, "storageDescriptor", "serDeInfo"),
			mutate(map[string]any{}, "storageDescriptor", "serDeInfo"), mutate(nil, "storageDescriptor", "serDeInfo", "serializationLibrary"),
			mutate("varchar", "storageDescriptor", "columns", 0, "type"),
			func(s *Stack) bool {
				for _, r := range s.find(tableType) {
					if r.Name == name {
						r.Options.ReplaceOnChanges = nil
						return true
					}
				}
				return false
			},
		},
	}
}

// viewSQL looks into the text in which Athena keeps a view.
func viewSQL(r record.Resource, want views.View, s *Stack) []string {
	encoded := strings.TrimSuffix(strings.TrimPrefix(text(r, "viewOriginalText"), "/* Presto View: "), " */")
	data, err := base64.StdEncoding.DecodeString(encoded)
	var view struct {
		OriginalSQL     string `json:"originalSql"`
		Catalog, Schema string
		Columns         []struct{ Name, Type string }
	}
	if err == nil {
		err = json.Unmarshal(data, &view)
	}
	if err != nil {
		return []string{fmt.Sprintf("%s: Athena cannot read it: %v", r.Name, err)}
	}
	var broken []string
	if view.OriginalSQL != want.SQL {
		broken = append(broken, r.Name+": its SQL is another one")
	}
	if view.Catalog != "awsdatacatalog" || view.Schema != "headcount_"+s.Settings.Stack || len(view.Columns) != len(want.Columns) {
		broken = append(broken, r.Name+": catalog, schema or columns are wrong")
	}
	for _, field := range event.Fields() {
		for _, c := range view.Columns {
			// Degrees are there, to three decimals; all else that is personal is not.
			if field.Personal && c.Name == strings.ReplaceAll(field.Path, ".", "_") {
				broken = append(broken, r.Name+": shows "+field.Path)
			}
		}
	}
	return broken
}

// crawling are the rules on the crawler, which keeps the columns of headcounts.
func crawling() []Rule {
	const kind = "aws:glue/crawler:Crawler"
	return append(rulesOf(
		property{id: "crawler-table", what: "the crawler looks after headcounts, as a table of the catalog", kind: kind, path: []any{"catalogTargets", 0, "tables", 0}, want: is("headcounts"), wrong: []any{"events"}},
		property{id: "crawler-deletes-nothing", what: "the crawler only logs what is gone", kind: kind, path: []any{"schemaChangePolicy", "deleteBehavior"}, want: is("LOG"), wrong: []any{"DELETE_FROM_DATABASE"}},
		property{id: "crawler-one-table", what: "the crawler makes no second table of a partition", kind: kind, path: []any{"configuration", "Grouping", "TableGroupingPolicy"}, want: is("CombineCompatibleSchemas"), wrong: []any{"None"}},
		property{id: "crawler-adds", what: "the crawler only adds columns: else it removes what it did not write, the projection (https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html)", kind: kind, path: []any{"configuration", "CrawlerOutput", "Tables", "AddOrUpdateBehavior"}, want: is("MergeNewColumns"), wrong: []any{"None"}},
		property{id: "crawler-inherits", what: "a partition has the table's columns (the same page)", kind: kind, path: []any{"configuration", "CrawlerOutput", "Partitions", "AddOrUpdateBehavior"}, want: is("InheritFromTable"), wrong: []any{"None"}},
		property{id: "crawler-updates", what: "the crawler keeps the columns", kind: kind, path: []any{"schemaChangePolicy", "updateBehavior"}, want: is("UPDATE_IN_DATABASE"), wrong: []any{"LOG"}},
		property{id: "crawler-daily", what: "the crawler runs once a day: a run is billed as ten minutes at least", kind: kind, path: []any{"schedule"}, want: func(v any) bool {
			fields := strings.Fields(strings.Trim(fmt.Sprint(v), "cron()"))
			return len(fields) == 6 && !strings.ContainsAny(fields[0]+fields[1], "*/,-")
		}, wrong: []any{"cron(0 * * * ? *)"}},
	), Rule{
		ID: "crawler-edits", What: "Pulumi leaves to the crawler what it writes, and no more",
		Check: func(s *Stack) []string {
			for _, r := range s.find(tableType) {
				if r.Name != "headcounts" {
					if len(r.Options.IgnoreChanges) > 0 {
						return []string{r.Name + ": changes are ignored"}
					}
					continue
				}
				if !slices.Contains(r.Options.IgnoreChanges, "storageDescriptor.columns") || slices.Contains(r.Options.IgnoreChanges, "parameters") {
					return []string{fmt.Sprintf("headcounts: ignored are %v", r.Options.IgnoreChanges)}
				}
			}
			return nil
		},
		Mutants: []Mutant{
			ignore(tableType, "headcounts"), ignore(tableType, "headcounts", "storageDescriptor.columns", "parameters"), ignore(tableType, "events", "parameters"),
		},
	})
}

// ignore makes Pulumi ignore changes of properties of a resource.
func ignore(kind, name string, properties ...string) Mutant {
	return func(s *Stack) bool {
		for _, r := range s.find(kind) {
			if r.Name == name {
				r.Options.IgnoreChanges = properties
				return true
			}
		}
		return false
	}
}
