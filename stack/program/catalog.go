package program

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/stage"
)

// The tables.
const (
	tableEvents     = "events"
	tableHeadcounts = "headcounts"
	tableQuarantine = "quarantine"
)

// format is how a table's files are read.
type format struct {
	classification, input, output, serializer string
	parameters                                map[string]string
}

var (
	parquetFormat = format{
		classification: "parquet",
		input:          "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
		output:         "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
		serializer:     "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
		parameters:     map[string]string{"serialization.format": "1"},
	}
	// Of Athena's two JSON readers this is the one that reads a time as RFC 3339
	// writes it
	// (https://docs.aws.amazon.com/athena/latest/ug/hive-json-serde.html).
	jsonFormat = format{
		classification: "json",
		input:          "org.apache.hadoop.mapred.TextInputFormat",
		output:         "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
		serializer:     "org.apache.hive.hcatalog.data.JsonSerDe",
		parameters:     map[string]string{"serialization.format": "1", "timestamp.formats": "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"},
	}
)

// column is a column of any table, its type as Hive writes it.
type column struct{ name, kind string }

// table says what a table is.
type table struct {
	name, description string
	format            format
	columns           []column
	// partitions are the partition columns in the order of the keys, and
	// location where the first of them begins, s3://bucket/prefix/.
	partitions []column
	location   string
	// values are those of partition columns that are no range of numbers.
	values map[string][]string
}

// catalog is what Athena reads, and the schema that Firehose writes by.
type catalog struct {
	database, deliveryDatabase *glue.CatalogDatabase
	// deliverySchema is the table that gives Firehose its schema.
	deliverySchema *glue.CatalogTable
	tables         map[string]*glue.CatalogTable
	views          []pulumi.Resource
}

// catalog creates the database with its three tables and the views. The tables'
// columns come from the code that writes the files.
func (s *stack) catalog(b *buckets) *catalog {
	database := add(s, glue.NewCatalogDatabase, "database", &glue.CatalogDatabaseArgs{
		Name: pulumi.String(s.names.Database()), Description: pulumi.String("Headcount " + s.Stack),
	})
	c := &catalog{database: database, tables: map[string]*glue.CatalogTable{}}
	for _, t := range s.tableList(b) {
		var more []pulumi.ResourceOption
		if t.name == tableHeadcounts {
			more = crawlerEdits()
		}
		c.tables[t.name] = s.newTable(database, t, more...)
	}
	c.deliveryDatabase, c.deliverySchema = s.deliverySchema(b.lake)
	c.views = s.views(c)
	return c
}

// tableList describes the tables.
func (s *stack) tableList(b *buckets) []table {
	var flows, categories []string
	for _, f := range s.Flows {
		flows = append(flows, f.Name)
	}
	for _, t := range event.Treatments {
		if t.Quarantine {
			categories = append(categories, string(t.Category))
		}
	}
	headcounts := table{
		name: tableHeadcounts, description: "How many people were around each place, by window, gender and age band", format: parquetFormat,
		location: "s3://" + b.aggregates.Name + "/headcounts/", values: map[string][]string{"flow": flows},
	}
	for _, c := range results.Columns {
		headcounts.columns = append(headcounts.columns, column{c.Name, c.Kind.Hive()})
	}
	for _, c := range results.Partitions {
		headcounts.partitions = append(headcounts.partitions, column{c.Name, c.Type})
	}
	rejected := table{
		name: tableQuarantine, description: "Rejected events by category, without their payload; count distinct (message_id, index)", format: jsonFormat,
		location: "s3://" + b.quarantine.Name + "/quarantine/", values: map[string][]string{"category": categories},
	}
	for _, c := range stage.QuarantineColumns {
		rejected.columns = append(rejected.columns, column{c.Name, c.Type})
	}
	for _, c := range stage.QuarantinePartitions {
		rejected.partitions = append(rejected.partitions, column{c.Name, c.Type})
	}
	return []table{{
		name: tableEvents, description: "The lake: every event as it was sent, by the day of its arrival. Personal data", format: parquetFormat,
		columns: lakeColumns(), partitions: []column{{"year", "string"}, {"month", "string"}, {"day", "string"}}, location: dataOf(b.lake),
	}, headcounts, rejected}
}

func lakeColumns() []column {
	var columns []column
	for _, c := range event.LakeColumns() {
		columns = append(columns, column{c.Name, c.Type})
	}
	return columns
}

// dataOf is where the lake's table is.
func dataOf(lake *Bucket) string { return "s3://" + lake.Name + "/data/" }

func (s *stack) newTable(db *glue.CatalogDatabase, t table, more ...pulumi.ResourceOption) *glue.CatalogTable {
	parameters := s.projection(t)
	parameters["classification"] = pulumi.String(t.format.classification)
	parameters["EXTERNAL"] = pulumi.String("TRUE")
	keys := glue.CatalogTablePartitionKeyArray{}
	for _, c := range t.partitions {
		keys = append(keys, glue.CatalogTablePartitionKeyArgs{Name: pulumi.String(c.name), Type: pulumi.String(c.kind)})
	}
	return add(s, glue.NewCatalogTable, t.name, &glue.CatalogTableArgs{
		DatabaseName: db.Name, Name: pulumi.String(t.name), Description: pulumi.String(t.description),
		TableType: pulumi.String("EXTERNAL_TABLE"), Parameters: parameters, PartitionKeys: keys,
		StorageDescriptor: storage(t),
	}, more...)
}

func storage(t table) glue.CatalogTableStorageDescriptorArgs {
	descriptor := glue.CatalogTableStorageDescriptorArgs{
		Location: pulumi.String(t.location), InputFormat: pulumi.String(t.format.input), OutputFormat: pulumi.String(t.format.output),
		SerDeInfo: glue.CatalogTableStorageDescriptorSerDeInfoArgs{
			Name: pulumi.String(t.name), SerializationLibrary: pulumi.String(t.format.serializer), Parameters: pulumi.ToStringMap(t.format.parameters),
		},
	}
	columns := glue.CatalogTableStorageDescriptorColumnArray{}
	for _, c := range t.columns {
		columns = append(columns, glue.CatalogTableStorageDescriptorColumnArgs{Name: pulumi.String(c.name), Type: pulumi.String(c.kind)})
	}
	descriptor.Columns = columns
	return descriptor
}

// projection lets Athena compute the partitions instead of looking them up, so
// that a new day is there at once: neither Firehose nor the aggregator registers
// partitions (https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html).
func (s *stack) projection(t table) pulumi.StringMap {
	ranges := map[string][2]int{"year": {s.FirstYear, s.LastYear}, "month": {1, 12}, "day": {1, 31}}
	parameters := pulumi.StringMap{"projection.enabled": pulumi.String("true")}
	template := t.location
	for _, c := range t.partitions {
		template += c.name + "=${" + c.name + "}/"
		prefix := "projection." + c.name + "."
		if r, ok := ranges[c.name]; ok {
			parameters[prefix+"type"] = pulumi.String("integer")
			parameters[prefix+"range"] = pulumi.String(fmt.Sprintf("%d,%d", r[0], r[1]))
			parameters[prefix+"digits"] = pulumi.String(fmt.Sprint(len(fmt.Sprint(r[1]))))
			continue
		}
		parameters[prefix+"type"] = pulumi.String("enum")
		parameters[prefix+"values"] = pulumi.String(strings.Join(t.values[c.name], ","))
	}
	parameters["storage.location.template"] = pulumi.String(template)
	return parameters
}

// deliverySchema makes the table that Firehose has its schema from. It
// is never changed: other columns are another table, by a hash in its name, so
// that Firehose's version of it can be pinned, and a new field reaches the lake
// in the very up that knows of it. The old one stays, since Firehose goes on
// with it for some minutes after it was given the new one. Pulumi adds random
// digits to the name, so that the way back makes a new table too.
func (s *stack) deliverySchema(lake *Bucket) (*glue.CatalogDatabase, *glue.CatalogTable) {
	database := add(s, glue.NewCatalogDatabase, "delivery-database", &glue.CatalogDatabaseArgs{
		Name:        pulumi.String(s.names.Database() + "_delivery"),
		Description: pulumi.String("The schemas that Firehose writes the lake by; nothing to query"),
	})
	columns := lakeColumns()
	sum := sha256.Sum256([]byte(fmt.Sprint(columns)))
	name := "events_" + hex.EncodeToString(sum[:4])
	return database, add(s, glue.NewCatalogTable, name, &glue.CatalogTableArgs{
		DatabaseName: database.Name,
		Description:  pulumi.String("The columns of the lake, for Firehose"), TableType: pulumi.String("EXTERNAL_TABLE"),
		Parameters:        pulumi.StringMap{"classification": pulumi.String("parquet")},
		StorageDescriptor: storage(table{name: name, format: parquetFormat, columns: columns, location: dataOf(lake)}),
	}, pulumi.RetainOnDelete(true))
}
