package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/record"
)

// satellites are the types of what makes a bucket safe.
var satellites = []string{bucketPolicy, blockType, ownershipType, versioningType, encryptionType, lifecycleType}

// buckets are the rules on buckets.
func buckets() []Rule {
	kept := append([]string{bucketType, keyType, secretType, loggingType}, satellites...)
	whole := each("buckets-whole", "every bucket has its policy, access block, ownership, encryption, versioning and lifecycle", func(s *Stack, r record.Resource) string {
		for _, kind := range satellites {
			if r.Type == bucketType && !s.has(kind, r) {
				return "it has no " + kind
			}
		}
		return ""
	})
	for _, kind := range satellites {
		whole.Mutants = append(whole.Mutants, remove(kind, nil))
	}
	return []Rule{
		whole,
		each("S3.9", "requests to every bucket are logged, but for those to the logs' bucket itself", func(s *Stack, r record.Resource) string {
			if r.Type == bucketType && s.has(loggingType, r) == (r.Name == names.Logs) || r.Type == loggingType && !strings.Contains(text(r, "targetBucket"), "-logs-") {
				return "its requests are logged, or not"
			}
			return ""
		}, remove(loggingType, named(names.Lake)), change(loggingType, nil, "headcount-dev-lake", "targetBucket")),
		each("lake-readable", "objects go to no class that Athena silently skips (https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html)", func(_ *Stack, r record.Resource) string {
			for i := 0; r.Type == lifecycleType && i < 10; i++ {
				if class := text(r, fmt.Sprintf("rules.%d.transitions.0.storageClass", i)); !slices.Contains([]string{"", "GLACIER_IR", "STANDARD_IA", "INTELLIGENT_TIERING"}, class) {
					return "objects go to " + class
				}
			}
			return ""
		}, change(lifecycleType, named(names.Lake), []any{map[string]any{"days": 1.0, "storageClass": "DEEP_ARCHIVE"}}, "rules.1.transitions")),
		each("personal-data-expires", "partials, snapshots, rejections, unconverted records, results of queries and, where it is configured, events go after the configured days (docs/privacy.md)", func(s *Stack, r record.Resource) string {
			c := s.Settings
			for where, days := range map[string]int{
				"aggregates partials/": c.PartialsDays, "aggregates snapshots/": c.PartialsDays, "quarantine quarantine/": c.QuarantineDays, "lake errors/": c.QuarantineDays, "lake data/": c.LakeDays, "results athena/": c.ResultsDays,
			} {
				bucket, prefix, _ := strings.Cut(where, " ")
				list, _ := r.Inputs["rules"].([]any)
				if r.Type == lifecycleType && r.Name == bucket && days > 0 && !slices.ContainsFunc(list, func(rule any) bool {
					return at(rule, "status") == "Enabled" && at(rule, "filter.prefix") == prefix && at(rule, "expiration.days") == float64(days)
				}) {
					return fmt.Sprintf("%s does not go after %d days", prefix, days)
				}
			}
			return ""
		}, change(lifecycleType, named(names.Aggregates), 3500.0, "rules.1.expiration.days"), change(lifecycleType, named(names.Aggregates), "elsewhere/", "rules.1.filter.prefix"),
			change(lifecycleType, named(names.Aggregates), "Disabled", "rules.2.status"),
			change(lifecycleType, named(names.Quarantine), "Disabled", "rules.1.status"), change(lifecycleType, named(names.Results), nil, "rules.1.expiration"),
			change(lifecycleType, named(names.Lake), "Disabled", "rules.2.status"), func(s *Stack) bool {
				return s.Settings.LakeDays > 0 && change(lifecycleType, named(names.Lake), "Disabled", "rules.1.status")(s)
			}),
		each("data-protected", "buckets, key and masking keys are protected and kept where the stack is protected; elsewhere they can be destroyed; nothing else is protected", func(s *Stack, r record.Resource) string {
			data := slices.Contains(kept, r.Type)
			switch want := s.Settings.Protect && data; {
			case r.Options.Protect != want:
				return fmt.Sprintf("protected must be %v", want)
			case data && r.Options.RetainOnDelete != want:
				return fmt.Sprintf("retained must be %v", want)
			case r.Type == bucketType && text(r, "forceDestroy") != fmt.Sprint(!s.Settings.Protect):
				return "forceDestroy is " + text(r, "forceDestroy")
			case r.Type == secretType && (text(r, "recoveryWindowInDays") == "0") == s.Settings.Protect:
				return "recoveryWindowInDays is " + text(r, "recoveryWindowInDays")
			}
			return ""
		}, option(bucketType, nil, func(o *record.Options) { o.Protect = !o.Protect }), option(keyType, nil, func(o *record.Options) { o.RetainOnDelete = !o.RetainOnDelete }),
			option(queueType, nil, func(o *record.Options) { o.Protect = true }),
			option(secretType, nil, func(o *record.Options) { o.RetainOnDelete = !o.RetainOnDelete }),
			func(s *Stack) bool { return change(bucketType, nil, s.Settings.Protect, "forceDestroy")(s) },
			func(s *Stack) bool {
				return change(secretType, nil, map[bool]float64{true: 0, false: 30}[s.Settings.Protect], "recoveryWindowInDays")(s)
			}),
		each("places-kept", "a list of places stays when another one has come: tasks of before read it until they are gone, and a roll-back needs it again", func(_ *Stack, r record.Resource) string {
			if r.Type == objectType && text(r, "contentType") == "text/csv; charset=utf-8" && (!r.Options.RetainOnDelete || !placesKey.MatchString(text(r, "key"))) {
				return "it would go, or be written over"
			}
			return ""
		}, option(objectType, ending("-places"), func(o *record.Options) { o.RetainOnDelete = false }), change(objectType, ending("-places"), "places/v1.csv", "key")),
	}
}

// placesKey is a key that is made of the content.
var placesKey = regexp.MustCompile(`^places/[a-z0-9-]+-[0-9a-f]{16}\.csv$`)

// has reports whether a bucket has a resource of a type.
func (s *Stack) has(kind string, bucket record.Resource) bool {
	return slices.ContainsFunc(s.find(kind), func(r record.Resource) bool { return text(r, "bucket") == text(bucket, "bucket") })
}

// catalog are the rules on the tables and views that Athena reads.
func catalog() []Rule {
	view := func(r record.Resource) bool { return text(r, "tableType") == "VIRTUAL_VIEW" }
	table := func(r record.Resource) bool {
		return r.Type == tableType && !view(r) && !aSchema(r)
	}
	return []Rule{
		each("tables-projected", "Athena computes the partitions of every table, since Firehose registers none: each has a type, and stands in the location", func(_ *Stack, r record.Resource) string {
			if !table(r) {
				return ""
			}
			parameters, _ := r.Inputs["parameters"].(map[string]any)
			if parameters["projection.enabled"] != "true" {
				return "partitions are not projected"
			}
			location := text(r, "storageDescriptor.location")
			for i := 0; text(r, fmt.Sprintf("partitionKeys.%d.name", i)) != ""; i++ {
				name := text(r, fmt.Sprintf("partitionKeys.%d.name", i))
				if parameters["projection."+name+".type"] == nil {
					return "nothing says which values " + name + " has"
				}
				location += name + "=${" + name + "}/"
			}
			if parameters["storage.location.template"] != location {
				return fmt.Sprintf("the location is %v, not %s", parameters["storage.location.template"], location)
			}
			return ""
		}, parameter(table, "projection.enabled", "false"), parameter(table, "projection.month.type", nil), parameter(table, "storage.location.template", "s3://elsewhere/${day}/")),
		each("lake-one-format", "what the stream writes is what its schema says and the table events reads, in the same folder", func(s *Stack, r record.Resource) string {
			events := r.Name == "events" && r.Type == tableType
			for _, stream := range s.find(streamType) {
				serde := "parquet"
				if at(stream.Inputs, conversion+"outputFormatConfiguration.serializer.orcSerDe") != nil {
					serde = "orc"
				}
				if (events || r.Type == tableType && aSchema(r)) && (text(r, "parameters.classification") != serde || !strings.Contains(text(r, "storageDescriptor.serDeInfo.serializationLibrary"), "."+serde+".")) {
					return "the stream writes " + serde
				}
				if folder, _, _ := strings.Cut(text(stream, s3Destination+"prefix"), "year="); events && !strings.HasSuffix(text(r, "storageDescriptor.location"), "-eu-west-1/"+folder) {
					return "the stream writes to " + folder
				}
			}
			return ""
		}, change(tableType, named("events"), "s3://headcount-dev-lake-111122223333-eu-west-1/data/other/", "storageDescriptor.location"),
			change(streamType, nil, "data/other/year=!{timestamp:yyyy}/", s3Destination+"prefix"), change(tableType, named("events"), "json", "parameters.classification"),
			change(tableType, aSchema, "org.openx.data.jsonserde.JsonSerDe", "storageDescriptor.serDeInfo.serializationLibrary")),
		each("schema-whole", "the stream's schema has every column of the lake: Firehose drops a field that is not in it, and says nothing (https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html)", func(_ *Stack, r record.Resource) string {
			columns, _ := at(r.Inputs, "storageDescriptor.columns").([]any)
			for _, c := range event.LakeColumns() {
				if r.Type == tableType && aSchema(r) && !slices.ContainsFunc(columns, func(column any) bool { return at(column, "name") == c.Name && at(column, "type") == c.Type }) {
					return "it has no column " + c.Name + " " + c.Type
				}
			}
			return ""
		}, change(tableType, aSchema, nil, "storageDescriptor.columns"), change(tableType, aSchema, "other", "storageDescriptor.columns.3.name"), change(tableType, aSchema, "binary", "storageDescriptor.columns.0.type")),
		each("schema-retained", "the stream's schema stays while Firehose may still use it, and its columns are in lower case", func(_ *Stack, r record.Resource) string {
			switch columns := fmt.Sprint(at(r.Inputs, "storageDescriptor.columns")); {
			case r.Type == streamType && text(r, conversion+"schemaConfiguration.tableName") == "":
				return "it has no schema"
			case r.Type == tableType && aSchema(r) && (!r.Options.RetainOnDelete || columns != strings.ToLower(columns)):
				return "it would be gone too early, or has a column in upper case"
			}
			return ""
		}, option(tableType, aSchema, func(o *record.Options) { o.RetainOnDelete = false }), change(tableType, aSchema, "User", "storageDescriptor.columns.0.name"),
			change(streamType, nil, nil, conversion+"schemaConfiguration.tableName")),
		each("views", "Athena finds each view, and a change of it is a new view: the provider changes views wrongly. An empty SerDe block is left out by the provider, and is missing SerDe info to Athena (https://github.com/hashicorp/terraform-provider-aws/issues/28517)", func(_ *Stack, r record.Resource) string {
			switch {
			case r.Type != tableType || !view(r):
				return ""
			case text(r, "parameters.presto_view") != "true" || text(r, "viewExpandedText") != "/* Presto View */":
				return "it is no view to Athena"
			case text(r, "storageDescriptor.serDeInfo.name") != "-" || text(r, "storageDescriptor.serDeInfo.serializationLibrary") != "-":
				return "its SerDe info must have the name and the library -"
			case !slices.Contains(r.Options.ReplaceOnChanges, "viewOriginalText") || !r.Options.DeleteBeforeReplace:
				return "it would be changed in place"
			}
			return ""
		}, change(tableType, view, "", "viewExpandedText"), change(tableType, view, nil, "parameters.presto_view"), change(tableType, view, nil, "storageDescriptor.serDeInfo"),
			change(tableType, view, nil, "storageDescriptor.serDeInfo.serializationLibrary"), option(tableType, view, func(o *record.Options) { o.ReplaceOnChanges = nil })),
		{
			ID: "views-impersonal", What: "no view shows a personal column, but degrees to three decimals",
			Check: func(s *Stack) (broken []string) {
				found := false
				for _, r := range s.find(tableType) {
					found = found || r.Name == views.Events("events").Name
					for _, field := range event.Fields() {
						column := "name:" + strings.ReplaceAll(field.Path, ".", "_") + " "
						if view(r) && field.Personal && strings.Contains(fmt.Sprint(at(r.Inputs, "storageDescriptor.columns")), column) {
							broken = append(broken, r.Name+" shows "+field.Path)
						}
					}
				}
				if !found {
					broken = append(broken, "there is no view of events")
				}
				return broken
			},
			Mutants: []Mutant{change(tableType, view, "user_birth_date", "storageDescriptor.columns.0.name"), remove(tableType, named("events_safe"))},
		},
	}
}

// parameter changes one of a table's parameters, whose names have dots.
func parameter(pick func(record.Resource) bool, name string, value any) Mutant {
	return func(s *Stack) bool {
		for _, r := range s.find(tableType) {
			parameters, _ := r.Inputs["parameters"].(map[string]any)
			if _, there := parameters[name]; there && pick(r) {
				parameters[name] = value
				return true
			}
		}
		return false
	}
}
