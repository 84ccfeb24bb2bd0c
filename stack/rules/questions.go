package rules

import (
	"fmt"
	"strings"
)

const workgroupType = "aws:athena/workgroup:Workgroup"

// questions are the rules on who asks what of the data.
func questions() []Rule {
	configuration := func(path ...any) []any { return append([]any{"configuration"}, path...) }
	return append(rulesOf(
		property{id: "Athena.4", what: "the workgroup's metrics are published", kind: workgroupType, path: configuration("publishCloudwatchMetricsEnabled"), want: is(true), wrong: []any{false}},
		property{id: "athena-enforced", what: "nobody can set the workgroup's limits aside", kind: workgroupType, path: configuration("enforceWorkgroupConfiguration"), want: is(true), wrong: []any{false}},
		property{id: "athena-cutoff", what: "a query that scans too much is cancelled; Athena's least limit is 10 MiB", kind: workgroupType, path: configuration("bytesScannedCutoffPerQuery"), want: atLeast(10485760), wrong: []any{float64(1)}},
		property{id: "athena-engine", what: "the engine is the one that the SQL is written for", kind: workgroupType, path: configuration("engineVersion", "selectedEngineVersion"), want: is("Athena engine version 3"), wrong: []any{"AUTO"}},
		property{id: "athena-key", what: "results are encrypted with the stack's key", kind: workgroupType, path: configuration("resultConfiguration", "encryptionConfiguration", "kmsKeyArn"), want: ofKey, wrong: []any{"alias/aws/s3"}},
		property{id: "athena-encryption", what: "... by KMS", kind: workgroupType, path: configuration("resultConfiguration", "encryptionConfiguration", "encryptionOption"), want: is("SSE_KMS"), wrong: []any{"SSE_S3"}},
		property{id: "athena-results", what: "results go to their bucket", kind: workgroupType, path: configuration("resultConfiguration", "outputLocation"), want: func(v any) bool {
			return strings.Contains(fmt.Sprint(v), "-results-") && strings.HasSuffix(fmt.Sprint(v), "/athena/")
		}, wrong: []any{"s3://elsewhere/"}},
		property{id: "questions-saved", what: "the usual questions are in the workgroup", kind: "aws:athena/namedQuery:NamedQuery", path: []any{"workgroup"}, want: given},
	), analysts())
}

// analysts is the rule that whoever may query the headcounts may read nothing
// that names anybody.
func analysts() Rule {
	const kind = "aws:iam/policy:Policy"
	return Rule{
		ID: "analysts-headcounts-only", What: "the analysts' policy reads headcounts and results: no lake, no quarantine, no partials",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			for _, st := range all {
				if st.of.Type != kind || st.of.Name != "analyst" {
					continue
				}
				for _, resource := range st.Resource {
					if !strings.HasPrefix(resource, "arn:aws:s3") {
						continue
					}
					object := strings.Contains(resource, "/")
					if strings.Contains(resource, "-lake-") || strings.Contains(resource, "-quarantine-") ||
						object && !strings.HasSuffix(resource, "/headcounts/*") && !strings.HasSuffix(resource, "/athena/*") {
						broken = append(broken, st.String()+": may read "+resource)
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(kind, named("analyst"), []any{"arn:aws:s3:::headcount-dev-lake-111122223333-eu-west-1/*"}, "policy", "Statement", 3, "Resource"),
			change(kind, named("analyst"), []any{"arn:aws:s3:::headcount-dev-aggregates-111122223333-eu-west-1/*"}, "policy", "Statement", 6, "Resource"),
		},
	}
}
