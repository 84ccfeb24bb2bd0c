package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/record"
)

const (
	bucketType    = "aws:s3/bucketV2:BucketV2"
	lifecycleType = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
)

// kept are the types of what holds data, with what makes it safe.
var kept = []string{
	bucketType, keyType, lifecycleType, "aws:s3/bucketPolicy:BucketPolicy", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls", "aws:s3/bucketVersioningV2:BucketVersioningV2",
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "aws:s3/bucketLoggingV2:BucketLoggingV2",
}

// storage are the rules on keys and buckets.
func storage() []Rule {
	rules := rulesOf(
		property{id: "KMS.4", what: "keys are rotated", kind: keyType, path: []any{"enableKeyRotation"}, want: is(true), wrong: []any{false}},
		property{id: "KMS.3", what: "a key that is deleted by mistake can be had back for a month", kind: keyType, path: []any{"deletionWindowInDays"}, want: is(30), wrong: []any{float64(7)}},
		property{
			id: "S3.12", what: "buckets have no access lists", kind: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
			path: []any{"rule", "objectOwnership"}, want: is("BucketOwnerEnforced"), wrong: []any{"ObjectWriter"},
		},
		property{id: "buckets-versioned", what: "what was overwritten can be had back", kind: "aws:s3/bucketVersioningV2:BucketVersioningV2", path: []any{"versioningConfiguration", "status"}, want: is("Enabled"), wrong: []any{"Suspended"}},
		property{
			id: "buckets-encrypted", what: "S3.17: buckets but for the logs' are encrypted with the stack's key", kind: "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
			only: func(_ *Stack, r record.Resource) bool { return r.Name != names.Logs },
			path: []any{"rules", 0, "applyServerSideEncryptionByDefault", "kmsMasterKeyId"}, want: ofKey, wrong: []any{"alias/aws/s3"},
		},
		property{
			id: "buckets-key", what: "a bucket has a key of its own, so that KMS is not asked for each object", kind: "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
			only: func(_ *Stack, r record.Resource) bool { return r.Name != names.Logs },
			path: []any{"rules", 0, "bucketKeyEnabled"}, want: is(true), wrong: []any{false},
		},
		property{
			id: "logs-encrypted", what: "the logs' bucket has S3's key, since S3 delivers to no other", kind: "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
			only: func(_ *Stack, r record.Resource) bool { return r.Name == names.Logs },
			path: []any{"rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm"}, want: is("AES256"), wrong: []any{"aws:kms"},
		},
	)
	for _, name := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
		rules = append(rules, property{
			id: "S3.8", what: "buckets are closed to the public: " + name, kind: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
			path: []any{name}, want: is(true), wrong: []any{false},
		}.rule())
	}
	return append(rules, satellites(), accessLogged(), lifecycles(), archive(), protection(), retention())
}

// satellites is the rule that no bucket lacks what makes it safe.
func satellites() Rule {
	rule := Rule{
		ID: "buckets-whole", What: "every bucket has its policy, access block, ownership, encryption, versioning and lifecycle (S3.8, S3.12, S3.13)",
		Check: func(s *Stack) (broken []string) {
			for _, bucket := range s.find(bucketType) {
				for _, kind := range kept {
					if kind == bucketType || kind == keyType || strings.Contains(kind, "Logging") {
						continue
					}
					if !slices.ContainsFunc(s.find(kind), func(r record.Resource) bool { return text(r, "bucket") == text(bucket, "bucket") }) {
						broken = append(broken, "bucket "+bucket.Name+" has no "+kind)
					}
				}
			}
			if n := len(s.find(bucketType)); n != 5 {
				broken = append(broken, fmt.Sprintf("%d buckets, want 5", n))
			}
			return broken
		},
	}
	for _, kind := range kept {
		if kind != keyType && !strings.Contains(kind, "Logging") {
			rule.Mutants = append(rule.Mutants, remove(kind, nil))
		}
	}
	return rule
}

func accessLogged() Rule {
	const kind = "aws:s3/bucketLoggingV2:BucketLoggingV2"
	return Rule{
		ID: "S3.9", What: "requests to every bucket are logged, but for those to the logs' bucket itself",
		Check: func(s *Stack) (broken []string) {
			for _, bucket := range s.find(bucketType) {
				logged := slices.ContainsFunc(s.find(kind), func(r record.Resource) bool {
					return text(r, "bucket") == text(bucket, "bucket") && strings.Contains(text(r, "targetBucket"), "-logs-")
				})
				if logged == (bucket.Name == names.Logs) {
					broken = append(broken, fmt.Sprintf("bucket %s: logged is %v", bucket.Name, logged))
				}
			}
			return broken
		},
		Mutants: []Mutant{remove(kind, named(names.Lake)), change(kind, nil, "headcount-dev-lake", "targetBucket")},
	}
}

// lifecycles is the rule on what goes when.
func lifecycles() Rule {
	return Rule{
		ID: "S3.13", What: "partials, rejections, results and old versions go after their days; uploads that were left after one",
		Check: func(s *Stack) (broken []string) {
			days := map[string]map[string]int{
				names.Aggregates: {"partials/": s.Settings.PartialsDays}, names.Quarantine: {"quarantine/": s.Settings.QuarantineDays},
				names.Results: {"athena/": s.Settings.ResultsDays}, names.Logs: {"": s.Settings.LogDays}, names.Lake: {"errors/": s.Settings.QuarantineDays},
			}
			if s.Settings.LakeDays > 0 {
				days[names.Lake]["data/"] = s.Settings.LakeDays
			}
			for _, r := range s.find(lifecycleType) {
				if text(r, "rules", 0, "noncurrentVersionExpiration", "noncurrentDays") == "" || text(r, "rules", 0, "abortIncompleteMultipartUpload", "daysAfterInitiation") != "1" {
					broken = append(broken, r.Name+": old versions or broken uploads stay")
				}
				got := map[string]int{}
				for i := 1; i < 10; i++ {
					if n := text(r, "rules", i, "expiration", "days"); n != "" && text(r, "rules", i, "status") == "Enabled" {
						var count int
						_, _ = fmt.Sscan(n, &count)
						got[text(r, "rules", i, "filter", "prefix")] = count
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(days[r.Name]) {
					broken = append(broken, fmt.Sprintf("%s: objects go after %v days, want %v", r.Name, got, days[r.Name]))
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(lifecycleType, named(names.Aggregates), float64(3500), "rules", 1, "expiration", "days"),
			change(lifecycleType, named(names.Quarantine), "Disabled", "rules", 1, "status"),
			change(lifecycleType, named(names.Aggregates), "", "rules", 1, "filter", "prefix"),
			change(lifecycleType, nil, nil, "rules", 0, "noncurrentVersionExpiration"),
			change(lifecycleType, nil, nil, "rules", 0, "abortIncompleteMultipartUpload"),
		},
	}
}

// archive is the rule that Athena can read what is archived: it silently skips
// the deeper classes
// (https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html).
func archive() Rule {
	return Rule{
		ID: "lake-readable", What: "objects go to no class that Athena does not read",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(lifecycleType) {
				for i := range 10 {
					class := text(r, "rules", i, "transitions", 0, "storageClass")
					if !slices.Contains([]string{"", "GLACIER_IR", "STANDARD_IA", "INTELLIGENT_TIERING"}, class) || text(r, "rules", i, "noncurrentVersionTransitions") != "" {
						broken = append(broken, r.Name+": goes to "+class)
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{change(lifecycleType, named(names.Lake), []any{map[string]any{"days": float64(1), "storageClass": "DEEP_ARCHIVE"}}, "rules", 1, "transitions")},
	}
}

// protection is the rule that a protected stack keeps its data, and another one
// can be destroyed.
func protection() Rule {
	option := func(kind string, edit func(*record.Options)) Mutant {
		return func(s *Stack) bool {
			for _, r := range s.find(kind) {
				edit(r.Options)
				return true
			}
			return false
		}
	}
	return Rule{
		ID: "data-protected", What: "buckets and key are protected and kept where the stack is protected; elsewhere they can be destroyed; nothing else is protected",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.Resources {
				want := s.Settings.Protect && slices.Contains(kept, r.Type)
				if r.Options == nil || r.Options.Protect != want {
					broken = append(broken, fmt.Sprintf("%s %s: protected must be %v", r.Type, r.Name, want))
				}
				if slices.Contains(kept, r.Type) && r.Options.RetainOnDelete != want {
					broken = append(broken, fmt.Sprintf("%s %s: retained must be %v", r.Type, r.Name, want))
				}
				if force := text(r, "forceDestroy"); r.Type == bucketType && force != fmt.Sprint(!s.Settings.Protect) {
					broken = append(broken, fmt.Sprintf("%s %s: forceDestroy is %s", r.Type, r.Name, force))
				}
			}
			return broken
		},
		Mutants: []Mutant{
			option(bucketType, func(o *record.Options) { o.Protect = !o.Protect }),
			option(keyType, func(o *record.Options) { o.RetainOnDelete = !o.RetainOnDelete }),
			option("aws:sqs/queue:Queue", func(o *record.Options) { o.Protect = true }),
			func(s *Stack) bool { return change(bucketType, nil, s.Settings.Protect, "forceDestroy")(s) },
		},
	}
}

// retention is the rule that logs are kept as long as is said, and encrypted.
func retention() Rule {
	const kind = "aws:cloudwatch/logGroup:LogGroup"
	return Rule{
		ID: "logs-kept", What: "log groups are encrypted with the stack's key, and forget after LogDays",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(kind) {
				if text(r, "retentionInDays") != fmt.Sprint(s.Settings.LogDays) || !ofKey(text(r, "kmsKeyId")) {
					broken = append(broken, r.Name+": retention or key is wrong")
				}
			}
			return broken
		},
		Mutants: []Mutant{change(kind, nil, nil, "retentionInDays"), change(kind, nil, nil, "kmsKeyId")},
	}
}
