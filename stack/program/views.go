package program

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// trinoTypes gives Athena's name of a column's type in a view.
var trinoTypes = map[string]string{
	"string": "varchar", "double": "double", "bigint": "bigint", "int": "integer", "boolean": "boolean", "timestamp": "timestamp(3)",
}

// views creates the views: those that the dashboards stand on, and
// events_safe under one of them.
func (s *stack) views(c *catalog) (all []pulumi.Resource) {
	safe := views.Events(tableEvents)
	over := map[string]pulumi.Resource{}
	for name, table := range c.tables {
		over[name] = table
	}
	type overView struct {
		over string
		views.View
	}
	list := []overView{{tableEvents, safe}, {safe.Name, views.RecentEvents(safe.Name, views.ImportedDays)}}
	for _, table := range results.Tables {
		list = append(list, overView{table.Name, views.Published(table, table.Name, s.PublishedFlow, s.DashboardDays)})
	}
	for _, v := range list {
		columns := glue.CatalogTableStorageDescriptorColumnArray{}
		for _, col := range v.Columns {
			columns = append(columns, glue.CatalogTableStorageDescriptorColumnArgs{Name: pulumi.String(col.Name), Type: pulumi.String(col.Type)})
		}
		view := add(s, glue.NewCatalogTable, v.Name, &glue.CatalogTableArgs{
			DatabaseName: c.database.Name, Name: pulumi.String(v.Name), TableType: pulumi.String("VIRTUAL_VIEW"),
			Parameters:       pulumi.StringMap{"presto_view": pulumi.String("true"), "comment": pulumi.String("Presto View")},
			ViewOriginalText: pulumi.String(must(viewText(v.View, s.names.Database()))),
			ViewExpandedText: pulumi.String("/* Presto View */"),
			StorageDescriptor: glue.CatalogTableStorageDescriptorArgs{
				Columns: columns,
				// Athena answers "Table storage descriptor is missing SerDe info" where there is none, and the
				// provider sends none of a block without members
				// (https://github.com/hashicorp/terraform-provider-aws/issues/28517). No library is called -.
				SerDeInfo: glue.CatalogTableStorageDescriptorSerDeInfoArgs{Name: pulumi.String("-"), SerializationLibrary: pulumi.String("-")},
			},
		},
			// The provider's update of a view in place leaves the old one.
			pulumi.ReplaceOnChanges([]string{"viewOriginalText", "storageDescriptor"}), pulumi.DeleteBeforeReplace(true),
			pulumi.DependsOn([]pulumi.Resource{over[v.over]}),
		)
		over[v.Name] = view
		all = append(all, view)
	}
	return all
}

// viewText writes a view as Athena keeps it in Glue: base64 of JSON, in a
// comment (https://github.com/trinodb/trino/blob/master/plugin/trino-hive/src/main/java/io/trino/plugin/hive/ViewReaderUtil.java).
func viewText(v views.View, database string) (string, error) {
	type viewColumn struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	var columns []viewColumn
	for _, c := range v.Columns {
		trino, ok := trinoTypes[c.Type]
		if !ok {
			return "", fmt.Errorf("view %s: column %s: Athena has no type for %s", v.Name, c.Name, c.Type)
		}
		columns = append(columns, viewColumn{c.Name, trino})
	}
	data, err := json.Marshal(map[string]any{
		"originalSql": v.SQL, "catalog": "awsdatacatalog", "schema": database, "columns": columns,
	})
	return "/* Presto View: " + base64.StdEncoding.EncodeToString(data) + " */", err
}
