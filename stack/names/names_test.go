package names_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/stack/names"
)

var (
	buckets  = []string{names.Lake, names.Aggregates, names.Quarantine, names.Results, names.Logs}
	queues   = []string{"ingest", "valid", "masked", "finals"}
	topics   = []string{"events", "alerts", "alarms"}
	services = []string{"validator", "masker", "aggregator"}
)

// rule is what AWS accepts as a name.
type rule struct {
	most    int
	pattern *regexp.Regexp
}

// rules, by what is named; the sources are AWS's references of the operations
// that create it.
var rules = map[string]rule{
	"bucket":     {63, regexp.MustCompile(`^[a-z0-9][a-z0-9-]+[a-z0-9]$`)},                                // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	"queue":      {80, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},                                            // SQS CreateQueue
	"topic":      {256, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},                                           // SNS CreateTopic
	"stream":     {64, regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)},                                           // Firehose CreateDeliveryStream
	"cluster":    {255, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},                                           // ECS CreateCluster
	"service":    {255, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},                                           // ECS CreateService
	"log group":  {512, regexp.MustCompile(`^[A-Za-z0-9_/.#-]+$`)},                                        // CloudWatch Logs CreateLogGroup
	"repository": {256, regexp.MustCompile(`^([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*$`)}, // ECR CreateRepository
	"database":   {255, regexp.MustCompile(`^[a-z0-9_]+$`)},                                               // https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
	"workgroup":  {128, regexp.MustCompile(`^[A-Za-z0-9._-]+$`)},                                          // Athena CreateWorkGroup
	"secret":     {512, regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)},                                      // Secrets Manager CreateSecret
	"object":     {1024, regexp.MustCompile(`^places/[a-z0-9-]+-[0-9a-f]{16}\.csv$`)},                     // S3 PutObject
}

// all gives every name of a stack with two flows, by what is named.
func all(n names.Names, flows ...string) map[string][]string {
	given := map[string][]string{
		"stream": {n.Stream()}, "cluster": {n.Cluster()}, "database": {n.Database()}, "workgroup": {n.Workgroup()}, "secret": {n.KeyRing()},
	}
	add := func(kind string, name string) { given[kind] = append(given[kind], name) }
	for _, b := range buckets {
		add("bucket", n.Bucket(b))
	}
	for _, t := range topics {
		add("topic", n.Topic(t))
	}
	for _, s := range services {
		add("repository", n.Repository(s))
	}
	for _, f := range flows {
		add("object", names.PlacesKey(f, []byte("poi_id")))
		for _, q := range queues {
			add("queue", n.Queue(f, q))
			add("queue", n.Queue(f, q)+"-dlq")
		}
		for _, s := range services {
			add("service", n.Service(f, s))
			add("log group", n.LogGroup(f, s))
		}
	}
	return given
}

// TestLimits: whatever the stack and its flows are called, as far as settings
// let them, AWS accepts every name, and none is there twice.
func TestLimits(t *testing.T) {
	stack := rapid.StringMatching(`[a-z0-9]{1,12}`)
	flow := rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,23}|[a-z0-9]{24}`)
	rapid.Check(t, func(t *rapid.T) {
		n := names.Names{
			Stack: stack.Draw(t, "stack"), Account: "111122223333",
			// Those with the longest names among AWS's.
			Region: rapid.SampledFrom([]string{"eu-west-1", "ap-northeast-1", "ap-southeast-7"}).Draw(t, "region"),
		}
		flows := rapid.SliceOfNDistinct(flow, 2, 2, rapid.ID[string]).Draw(t, "flows")
		given := all(n, flows...)
		for kind, limit := range rules {
			seen := map[string]bool{}
			if len(given[kind]) == 0 {
				t.Fatalf("no %s was named", kind)
			}
			for _, name := range given[kind] {
				if len(name) > limit.most || !limit.pattern.MatchString(name) {
					t.Errorf("%s %q, of %d characters", kind, name, len(name))
				}
				if seen[name] {
					t.Errorf("%s %q is there twice", kind, name)
				}
				seen[name] = true
			}
		}
		if len(given) != len(rules) {
			t.Errorf("%d kinds of names, %d rules", len(given), len(rules))
		}
	})
}

// TestNames: these stand in people's queries, bookmarks and policies.
func TestNames(t *testing.T) {
	n := names.Names{Stack: "dev", Account: "111122223333", Region: "eu-west-1"}
	for got, want := range map[string]string{
		n.Bucket(names.Lake):          "headcount-dev-lake-111122223333-eu-west-1",
		n.Bucket(names.Results):       "headcount-dev-results-111122223333-eu-west-1",
		n.Queue("v1", "ingest"):       "headcount-dev-v1-ingest",
		n.Topic("events"):             "headcount-dev-events",
		n.Stream():                    "headcount-dev-lake",
		n.Cluster():                   "headcount-dev",
		n.Service("v1", "validator"):  "v1-validator",
		n.LogGroup("v1", "validator"): "/headcount/dev/v1/validator",
		n.Repository("validator"):     "headcount-dev/validator",
		n.Database():                  "headcount_dev",
		n.KeyRing():                   "headcount/dev/masking-keys",
		n.ARN("sqs", "q"):             "arn:aws:sqs:eu-west-1:111122223333:q",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestPlacesKey: the key follows the content, and the flow alone.
func TestPlacesKey(t *testing.T) {
	const want = "places/v1-e3b0c44298fc1c14.csv" // SHA-256 of nothing, https://www.di-mgt.com.au/sha_testvectors.html
	if got := names.PlacesKey("v1", nil); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	text := []byte("poi_id,name\n")
	a, b, c := names.PlacesKey("v1", text), names.PlacesKey("v2", text), names.PlacesKey("v1", append(text, ' '))
	if a == b || a == c || !strings.HasPrefix(b, "places/v2-") || a != names.PlacesKey("v1", text) {
		t.Errorf("got %s, %s, %s", a, b, c)
	}
}
