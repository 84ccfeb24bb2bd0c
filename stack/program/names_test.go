package program_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// limit is what AWS accepts as the name of a resource.
type limit struct {
	input   string
	most    int
	pattern string
}

const (
	dashes    = `[A-Za-z0-9_-]+`
	printable = `[ -~]+`
)

// limits are those of AWS's references of the operations that create what is
// named, by type. What is not here has no name, or that of another resource.
var limits = map[string]limit{
	"aws:appautoscaling/policy:Policy":                          {"name", 256, printable},
	"aws:athena/namedQuery:NamedQuery":                          {"name", 128, printable},
	"aws:athena/workgroup:Workgroup":                            {"name", 128, `[A-Za-z0-9._-]+`},
	"aws:budgets/budget:Budget":                                 {"name", 100, `[^:\\]+`},
	"aws:cloudformation/stack:Stack":                            {"name", 128, `[A-Za-z][A-Za-z0-9-]*`},
	"aws:cloudwatch/dashboard:Dashboard":                        {"dashboardName", 255, dashes},
	"aws:cloudwatch/logGroup:LogGroup":                          {"name", 512, `[A-Za-z0-9_/.#-]+`},
	"aws:cloudwatch/logStream:LogStream":                        {"name", 512, `[^:*]+`},
	"aws:cloudwatch/metricAlarm:MetricAlarm":                    {"name", 255, printable},
	"aws:ecr/repository:Repository":                             {"name", 256, `([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*`},
	"aws:secretsmanager/secret:Secret":                          {"name", 512, `[A-Za-z0-9/_+=.@-]+`},
	"aws:ecs/cluster:Cluster":                                   {"name", 255, dashes},
	"aws:ecs/service:Service":                                   {"name", 255, dashes},
	"aws:ecs/taskDefinition:TaskDefinition":                     {"family", 255, dashes},
	"aws:glue/catalogDatabase:CatalogDatabase":                  {"name", 255, `[a-z0-9_]+`},
	"aws:glue/catalogTable:CatalogTable":                        {"name", 255, `[a-z0-9_]+`},
	"aws:glue/crawler:Crawler":                                  {"name", 255, dashes},
	"aws:iam/policy:Policy":                                     {"name", 128, `[A-Za-z0-9_+=,.@-]+`},
	"aws:iam/role:Role":                                         {"name", 64, `[A-Za-z0-9_+=,.@-]+`},
	"aws:iam/rolePolicy:RolePolicy":                             {"name", 128, `[A-Za-z0-9_+=,.@-]+`},
	"aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": {"name", 64, `[A-Za-z0-9_.-]+`},
	"aws:kms/alias:Alias":                                       {"name", 256, `alias/[A-Za-z0-9/_-]+`},
	"aws:quicksight/dataSet:DataSet":                            {"dataSetId", 512, dashes},
	"aws:s3/bucketV2:BucketV2":                                  {"bucket", 63, `[a-z0-9][a-z0-9-]+[a-z0-9]`},
	"aws:sns/topic:Topic":                                       {"name", 256, dashes},
	"aws:sqs/queue:Queue":                                       {"name", 80, dashes},
}

// TestNamesAreAccepted gives the stack, its region and its flows the longest names,
// and a flow one that others begin with: AWS accepts every name, and none is there
// twice.
func TestNamesAreAccepted(t *testing.T) {
	const stack, region = "abcdef789012", "ap-southeast-1"
	values, err := settings.Values(root, "prod")
	if err != nil {
		t.Fatal(err)
	}
	values["region"] = region
	values["flows"] = strings.ReplaceAll(`[{"name": "v1", PLACES}, {"name": "lake", PLACES}, {"name": "v1-ingest", PLACES}, {"name": "abcdefghijkl-45678901234", PLACES}]`,
		"PLACES", `"places": "local/headcount/sample/places.csv"`)
	s, err := settings.Read(stack, values, root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.Run(stack, region, deploy(s), record.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	// Within a parent, or of no consequence when they are the same.
	local := []string{"aws:appautoscaling/policy:Policy", "aws:athena/namedQuery:NamedQuery", "aws:iam/rolePolicy:RolePolicy", "aws:cloudwatch/logStream:LogStream"}
	seen := map[string]bool{}
	for _, r := range got.Resources {
		l, ok := limits[r.Type]
		if !ok {
			if name, named := r.Inputs["name"]; named {
				t.Errorf("%s %s: it is named %v, and no limit stands here", r.Type, r.Name, name)
			}
			continue
		}
		name, named := r.Inputs[l.input].(string)
		if !named && strings.HasSuffix(fmt.Sprint(r.Inputs["databaseName"]), "_delivery") {
			continue // Pulumi names it
		}
		if len(name) > l.most || !regexp.MustCompile(`^(`+l.pattern+`)$`).MatchString(name) {
			t.Errorf("%s %s: AWS does not accept the name %q, of %d characters", r.Type, r.Name, name, len(name))
		}
		if key := r.Type + " " + name; !slices.Contains(local, r.Type) {
			if seen[key] {
				t.Errorf("%s is there twice", key)
			}
			seen[key] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d names were seen", len(seen))
	}
}
