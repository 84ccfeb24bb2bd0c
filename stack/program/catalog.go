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
	"github.com/headcount-etl/headcount/stack/settings"
)

// The tables.
const (
	tableEvents     = "events"
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
	orcFormat = format{
		classification: "orc",
		input:          "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
		output:         "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
		serializer:     "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
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

// table says what a table is.
type table struct {
	name, description string
	format            format
	columns           []event.Column
	// partitions are the partition columns in the order of the keys, and
	// location where the first of them begins, s3://bucket/prefix/.
	partitions []event.Column
	location   string
	// values are those of partition columns that are no range of numbers.
	values map[string][]string
	// edits are what the crawler may change.
	edits []string
}

// catalog is what Athena reads, and the schema that Firehose writes by.
type catalog struct {
	database, deliveryDatabase *glue.CatalogDatabase
	// deliverySchema is the table that gives Firehose its schema.
	deliverySchema *glue.CatalogTable
	tables         map[string]*glue.CatalogTable
	views          []pulumi.Resource
}

// catalog creates the database with its tables and the views. The tables'
// columns come from the code that writes the files.
func (s *stack) catalog(b *buckets) *catalog {
	c := &catalog{tables: map[string]*glue.CatalogTable{}}
	c.database = add(s, glue.NewCatalogDatabase, "database", &glue.CatalogDatabaseArgs{
		Name: pulumi.String(s.names.Database()), Description: pulumi.String("Headcount " + s.Stack),
	})
	for _, t := range s.tableList(b) {
		parameters := s.projection(t)
		parameters["classification"] = pulumi.String(t.format.classification)
		parameters["EXTERNAL"] = pulumi.String("TRUE")
		keys := glue.CatalogTablePartitionKeyArray{}
		for _, c := range t.partitions {
			keys = append(keys, glue.CatalogTablePartitionKeyArgs{Name: pulumi.String(c.Name), Type: pulumi.String(c.Type)})
		}
		c.tables[t.name] = add(s, glue.NewCatalogTable, t.name, &glue.CatalogTableArgs{
			DatabaseName: c.database.Name, Name: pulumi.String(t.name), Description: pulumi.String(t.description),
			TableType: pulumi.String("EXTERNAL_TABLE"), Parameters: parameters, PartitionKeys: keys, StorageDescriptor: storage(t),
		}, pulumi.IgnoreChanges(t.edits))
	}
	s.deliverySchema(c, b.lake)
	c.views = s.views(c)
	return c
}

// tableList describes the tables.
func (s *stack) tableList(b *buckets) []table {
	var flows []string
	for _, f := range s.Flows {
		flows = append(flows, f.Name)
	}
	rejected := table{
		name: tableQuarantine, description: "Rejected events by category, without their payload; add up events over distinct (message_id, index)", format: jsonFormat,
		columns: stage.QuarantineColumns, partitions: stage.QuarantinePartitions,
		location: "s3://" + b.quarantine.Name + "/quarantine/", values: map[string][]string{},
	}
	for _, t := range event.Treatments {
		if t.Quarantine {
			rejected.values["category"] = append(rejected.values["category"], string(t.Category))
		}
	}
	all := []table{{
		name: tableEvents, description: "The lake: every event as it was sent, by the day of its arrival. Personal data", format: s.lakeFormat(),
		columns: event.LakeColumns(), partitions: []event.Column{{Name: "year", Type: "string"}, {Name: "month", Type: "string"}, {Name: "day", Type: "string"}},
		location: s.dataOf(b.lake),
	}, rejected}
	for _, of := range results.Tables {
		all = append(all, table{
			name: of.Name, description: of.Description, format: parquetFormat, columns: of.Hive(), partitions: results.Partitions,
			location: "s3://" + b.aggregates.Name + "/" + of.Name + "/", values: map[string][]string{"flow": flows}, edits: crawlerEdits,
		})
	}
	return all
}

// lakeFormat is that of the lake's files.
func (s *stack) lakeFormat() format {
	if s.LakeFormat == settings.ORC {
		return orcFormat
	}
	return parquetFormat
}

// lakeFolder is that of the lake's files in their bucket. Those of another format than
// Parquet have one of their own, since a table has one format; within data/, whose
// objects expire, and in none of the folders that Athena looks for Parquet in.
func (s *stack) lakeFolder() string {
	if s.LakeFormat == settings.ORC {
		return "data/orc/"
	}
	return "data/"
}

// dataOf is where the lake's table is.
func (s *stack) dataOf(lake *Bucket) string { return "s3://" + lake.Name + "/" + s.lakeFolder() }

func storage(t table) glue.CatalogTableStorageDescriptorArgs {
	columns := glue.CatalogTableStorageDescriptorColumnArray{}
	for _, c := range t.columns {
		columns = append(columns, glue.CatalogTableStorageDescriptorColumnArgs{Name: pulumi.String(c.Name), Type: pulumi.String(c.Type)})
	}
	return glue.CatalogTableStorageDescriptorArgs{
		Location: pulumi.String(t.location), InputFormat: pulumi.String(t.format.input), OutputFormat: pulumi.String(t.format.output), Columns: columns,
		SerDeInfo: glue.CatalogTableStorageDescriptorSerDeInfoArgs{
			Name: pulumi.String(t.name), SerializationLibrary: pulumi.String(t.format.serializer), Parameters: pulumi.ToStringMap(t.format.parameters),
		},
	}
}

// projection lets Athena compute the partitions instead of looking them up, so
// that a new day is there at once: neither Firehose nor the aggregator registers
// partitions (https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html).
func (s *stack) projection(t table) pulumi.StringMap {
	ranges := map[string][2]int{"year": {s.FirstYear, s.LastYear}, "month": {1, 12}, "day": {1, 31}}
	parameters := pulumi.StringMap{"projection.enabled": pulumi.String("true")}
	template := t.location
	for _, c := range t.partitions {
		template += c.Name + "=${" + c.Name + "}/"
		prefix := "projection." + c.Name + "."
		if r, ok := ranges[c.Name]; ok {
			parameters[prefix+"type"] = pulumi.String("integer")
			parameters[prefix+"range"] = pulumi.String(fmt.Sprintf("%d,%d", r[0], r[1]))
			parameters[prefix+"digits"] = pulumi.String(fmt.Sprint(len(fmt.Sprint(r[1]))))
			continue
		}
		parameters[prefix+"type"] = pulumi.String("enum")
		parameters[prefix+"values"] = pulumi.String(strings.Join(t.values[c.Name], ","))
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
func (s *stack) deliverySchema(c *catalog, lake *Bucket) {
	c.deliveryDatabase = add(s, glue.NewCatalogDatabase, "delivery-database", &glue.CatalogDatabaseArgs{
		Name:        pulumi.String(s.names.Database() + "_delivery"),
		Description: pulumi.String("The schemas that Firehose writes the lake by; nothing to query"),
	})
	columns := event.LakeColumns()
	sum := sha256.Sum256([]byte(fmt.Sprint(columns)))
	name := "events_" + hex.EncodeToString(sum[:4])
	if s.LakeFormat != settings.Parquet {
		name += "_" + s.LakeFormat
	}
	c.deliverySchema = add(s, glue.NewCatalogTable, name, &glue.CatalogTableArgs{
		DatabaseName: c.deliveryDatabase.Name,
		Description:  pulumi.String("The columns of the lake, for Firehose"), TableType: pulumi.String("EXTERNAL_TABLE"),
		Parameters:        pulumi.StringMap{"classification": pulumi.String(s.lakeFormat().classification)},
		StorageDescriptor: storage(table{name: name, format: s.lakeFormat(), columns: columns, location: s.dataOf(lake)}),
	}, pulumi.RetainOnDelete(true))
}
