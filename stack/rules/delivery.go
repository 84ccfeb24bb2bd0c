package rules

import (
	"fmt"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/quarantine"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	streamType = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
	tableType  = "aws:glue/catalogTable:CatalogTable"
)

// delivery are the rules on the way into the lake. Neither the provider nor
// cfn-lint notices when they are broken.
func delivery() []Rule {
	s3 := func(path ...any) []any { return append([]any{"extendedS3Configuration"}, path...) }
	convert := func(path ...any) []any { return s3(append([]any{"dataFormatConversionConfiguration"}, path...)...) }
	return append(rulesOf(
		property{id: "DataFirehose.1", what: "the stream is encrypted, with the stack's key", kind: streamType, path: []any{"serverSideEncryption", "enabled"}, want: is(true), wrong: []any{false}},
		property{id: "stream-key", what: "the stream's key is the stack's", kind: streamType, path: []any{"serverSideEncryption", "keyArn"}, want: ofKey, wrong: []any{"alias/aws/firehose"}},
		property{id: "stream-to-s3", what: "the stream writes to S3 in the extended way", kind: streamType, path: []any{"destination"}, want: is("extended_s3"), wrong: []any{"s3"}},
		property{id: "stream-buffer", what: "with conversion the buffer holds 64 MB at least", kind: streamType, path: s3("bufferingSize"), want: between(64, 128), wrong: []any{float64(5)}},
		property{id: "stream-interval", what: "Firehose waits a minute at least, for files that are worth reading", kind: streamType, path: s3("bufferingInterval"), want: between(60, 900), wrong: []any{float64(0)}},
		property{id: "stream-uncompressed", what: "Parquet compresses itself, so S3's files are not compressed again", kind: streamType, path: s3("compressionFormat"), want: is("UNCOMPRESSED"), wrong: []any{"GZIP"}},
		property{id: "stream-prefix", what: "the lake's keys are the partitions of its table", kind: streamType, path: s3("prefix"), want: is(event.LakePrefix), wrong: []any{"data/"}},
		property{id: "stream-errors", what: "what could not be converted lies outside of data/", kind: streamType, path: s3("errorOutputPrefix"), want: func(v any) bool {
			text := fmt.Sprint(v)
			return strings.Contains(text, "!{firehose:error-output-type}") && !strings.HasPrefix(text, "data/")
		}, wrong: []any{"data/errors/!{firehose:error-output-type}/", "errors/"}},
		property{id: "stream-logs", what: "the stream logs what it could not deliver", kind: streamType, path: s3("cloudwatchLoggingOptions", "enabled"), want: is(true), wrong: []any{false}},
		property{id: "stream-converts", what: "the stream makes Parquet of JSON", kind: streamType, path: convert("enabled"), want: is(true), wrong: []any{false}},
		property{id: "stream-codec", what: "Parquet's codec is one that the serializer has", kind: streamType, path: convert("outputFormatConfiguration", "serializer", "parquetSerDe", "compression"), want: oneOf("SNAPPY", "GZIP"), wrong: []any{"ZSTD"}},
		property{id: "stream-case", what: "keys in the wrong case are other keys, as in the contract", kind: streamType, path: convert("inputFormatConfiguration", "deserializer", "openXJsonSerDe", "caseInsensitive"), want: is(false), wrong: []any{true}},
		property{id: "stream-schema-version", what: "the version of the schema is pinned", kind: streamType, path: convert("schemaConfiguration", "versionId"), want: is("0"), wrong: []any{"LATEST"}},
		property{id: "stream-schema-role", what: "the stream may read the schema", kind: streamType, path: convert("schemaConfiguration", "roleArn"), want: given},
	), schema())
}

// schema is the rule that the stream's schema holds every field of the contract.
func schema() Rule {
	isSchema := func(r record.Resource) bool { return strings.HasSuffix(text(r, "databaseName"), "_delivery") }
	return Rule{
		ID: "stream-schema", What: "the stream's table has every field of the contract, in lower case, times as text; what is not in it is dropped",
		Check: func(s *Stack) (broken []string) {
			found := false
			for _, r := range s.find(tableType) {
				if !isSchema(r) {
					continue
				}
				found = true
				broken = append(broken, sameColumns(r, lakeColumns())...)
				if !r.Options.RetainOnDelete {
					broken = append(broken, r.Name+" would be gone while Firehose still uses it")
				}
				if text(r, "name") != "" {
					broken = append(broken, r.Name+" would meet itself on the way back to these columns, since it is retained")
				}
				for _, stream := range s.find(streamType) {
					if got := text(stream, "extendedS3Configuration", "dataFormatConversionConfiguration", "schemaConfiguration", "tableName"); got != r.Name {
						broken = append(broken, "the stream's schema is "+got)
					}
				}
			}
			if !found {
				broken = append(broken, "the stream has no schema")
			}
			return broken
		},
		Mutants: []Mutant{
			change(tableType, isSchema, nil, "storageDescriptor", "columns"), change(tableType, isSchema, "timestamp", "storageDescriptor", "columns", 2, "type"),
			remove(tableType, isSchema), change(tableType, isSchema, "events_schema", "name"), change(streamType, nil, "events", "extendedS3Configuration", "dataFormatConversionConfiguration", "schemaConfiguration", "tableName"),
			func(s *Stack) bool {
				for _, r := range s.find(tableType) {
					if isSchema(r) {
						r.Options.RetainOnDelete = false
						return true
					}
				}
				return false
			},
		},
	}
}

func lakeColumns() [][2]string {
	var want [][2]string
	for _, c := range event.LakeColumns() {
		want = append(want, [2]string{c.Name, c.Type})
	}
	return want
}

// sameColumns compares a table's columns.
func sameColumns(r record.Resource, want [][2]string) []string {
	var got [][2]string
	for i := 0; text(r, "storageDescriptor", "columns", i, "name") != ""; i++ {
		got = append(got, [2]string{text(r, "storageDescriptor", "columns", i, "name"), text(r, "storageDescriptor", "columns", i, "type")})
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(got) != strings.ToLower(fmt.Sprint(got)) {
		return []string{fmt.Sprintf("table %s has the columns %v, want %v", r.Name, got, want)}
	}
	return nil
}

// catalog are the rules on the tables and views that Athena reads.
func catalog() []Rule {
	headcounts, rejected := [][2]string{}, [][2]string{}
	for _, c := range results.Columns {
		headcounts = append(headcounts, [2]string{c.Path, c.Kind.Hive()})
	}
	for _, c := range quarantine.Columns {
		rejected = append(rejected, [2]string{c.Name, c.Type})
	}
	rules := []Rule{
		tableRule("events", lakeColumns(), "year", "month", "day"),
		tableRule("headcounts", headcounts, "flow", "year", "month", "day"),
		tableRule("quarantine", rejected, "category", "year", "month", "day"),
		viewRule("events_safe", func(*settings.Settings) views.View { return views.Events("events") }),
		viewRule("recent_events", func(*settings.Settings) views.View { return views.RecentEvents("events_safe", views.ImportedDays) }),
		viewRule("published_headcounts", func(s *settings.Settings) views.View {
			return views.Headcounts("headcounts", s.PublishedFlow, s.DashboardDays)
		}), noPayload(),
	}
	return append(rules, crawling()...)
}

// tableRule is the rule on one table: its columns, its partitions, and that a
// new day is visible at once.
func tableRule(name string, columns [][2]string, partitions ...string) Rule {
	mutate := func(value any, path ...any) Mutant { return change(tableType, named(name), value, path...) }
	return Rule{
		ID: "table-" + name, What: "the table " + name + " has the columns that are written, and Athena computes its partitions",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(tableType) {
				if r.Name != name {
					continue
				}
				broken = append(sameColumns(r, columns), projected(s, r, partitions)...)
				return broken
			}
			return []string{"there is no table " + name}
		},
		Mutants: []Mutant{
			remove(tableType, named(name)), mutate("binary", "storageDescriptor", "columns", 0, "type"), mutate("false", "parameters", "projection.enabled"),
			mutate(nil, "parameters", "projection.month.digits"), mutate("1,2", "parameters", "projection.day.range"), mutate("2020,2021", "parameters", "projection.year.range"),
			mutate("s3://elsewhere/${day}/", "parameters", "storage.location.template"), mutate(nil, "partitionKeys", 0, "name"),
		},
	}
}

func projected(s *Stack, r record.Resource, partitions []string) (broken []string) {
	parameter := func(name string) string { return text(r, "parameters", name) }
	template := text(r, "storageDescriptor", "location")
	for i, name := range partitions {
		if text(r, "partitionKeys", i, "name") != name || text(r, "partitionKeys", i, "type") != "string" {
			broken = append(broken, fmt.Sprintf("table %s: partition %d is not %s", r.Name, i, name))
		}
		template += name + "=${" + name + "}/"
	}
	want := map[string]string{
		"projection.enabled": "true", "storage.location.template": template,
		"projection.year.type": "integer", "projection.year.range": fmt.Sprintf("%d,%d", s.Settings.FirstYear, s.Settings.LastYear), "projection.year.digits": "4",
		"projection.month.type": "integer", "projection.month.range": "1,12", "projection.month.digits": "2",
		"projection.day.type": "integer", "projection.day.range": "1,31", "projection.day.digits": "2",
	}
	switch partitions[0] {
	case "flow":
		var flows []string
		for _, f := range s.Settings.Flows {
			flows = append(flows, f.Name)
		}
		want["projection.flow.type"], want["projection.flow.values"] = "enum", strings.Join(flows, ",")
	case "category":
		want["projection.category.type"] = "enum"
	}
	for name, value := range want {
		if parameter(name) != value {
			broken = append(broken, fmt.Sprintf("table %s: %s is %q, want %q", r.Name, name, parameter(name), value))
		}
	}
	return broken
}

// noPayload is the rule that no table shows what a rejected event held.
func noPayload() Rule {
	return Rule{
		ID: "no-payload", What: "no table shows the payload of a rejected event",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(tableType) {
				if strings.Contains(fmt.Sprint(r.Inputs["storageDescriptor"]), "payload") {
					broken = append(broken, "table "+r.Name+" shows payloads")
				}
			}
			return broken
		},
		Mutants: []Mutant{change(tableType, named("quarantine"), "payload", "storageDescriptor", "columns", 0, "name")},
	}
}
