package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
)

// policyAt says where resources hold policies.
var policyAt = map[string]string{
	"aws:iam/policy:Policy":                        "policy",
	"aws:iam/rolePolicy:RolePolicy":                "policy",
	"aws:iam/role:Role":                            "assumeRolePolicy",
	"aws:kms/key:Key":                              "policy",
	"aws:s3/bucketPolicy:BucketPolicy":             "policy",
	"aws:sns/topicPolicy:TopicPolicy":              "policy",
	"aws:sqs/queuePolicy:QueuePolicy":              "policy",
	"aws:ec2/vpcEndpoint:VpcEndpoint":              "policy",
	"aws:ecr/repositoryPolicy:RepositoryPolicy":    "policy",
	"aws:glue/resourcePolicy:ResourcePolicy":       "policy",
	"aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
}

// statement is a statement as IAM reads it.
type statement struct {
	of        record.Resource
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Principal json.RawMessage
	Condition map[string]map[string][]string
}

func (st *statement) String() string { return fmt.Sprintf("%s %s: %s", st.of.Type, st.of.Name, st.Sid) }

func (st *statement) allows() bool { return st.Effect == "Allow" }

// services gives the services that the statement is about.
func (st *statement) services() []string {
	var p struct{ Service []string }
	_ = json.Unmarshal(st.Principal, &p) // "*" has none
	return p.Service
}

// everybody reports whether the statement is about anybody at all.
func (st *statement) everybody() bool {
	var p struct{ AWS []string }
	_ = json.Unmarshal(st.Principal, &p)
	return string(st.Principal) == `"*"` || slices.Contains(p.AWS, "*")
}

// has reports whether a condition compares a key.
func (st *statement) has(key string) bool {
	for _, keys := range st.Condition {
		if len(keys[key]) > 0 {
			return true
		}
	}
	return false
}

// statements gives all statements of all policies, and the policies that do not
// parse.
func (s *Stack) statements() (all []statement, broken []string) {
	for _, r := range s.Resources {
		policy, there := r.Inputs[policyAt[r.Type]]
		if !there {
			continue
		}
		var document struct {
			Version   string
			Statement []statement
		}
		data, err := json.Marshal(policy)
		if err == nil {
			decoder := json.NewDecoder(bytes.NewReader(data))
			decoder.DisallowUnknownFields()
			err = decoder.Decode(&document)
		}
		if err != nil || document.Version != "2012-10-17" || len(document.Statement) == 0 {
			broken = append(broken, fmt.Sprintf("%s %s: the policy does not parse, or says nothing: %v", r.Type, r.Name, err))
		}
		for _, st := range document.Statement {
			st.of = r
			all = append(all, st)
		}
	}
	return all, broken
}

// allowed reports whether a policy of this type and name allows an action, by a
// statement that also has what a function wants; nil is any.
func (s *Stack) allowed(kind, name, action string, also func(statement) bool) bool {
	all, _ := s.statements()
	return slices.ContainsFunc(all, func(st statement) bool {
		return st.of.Type == kind && st.of.Name == name && st.allows() && slices.Contains(st.Action, action) && (also == nil || also(st))
	})
}

// statements is a rule on every statement.
func statements(id, what string, wrong func(s *Stack, st *statement) string, mutants ...Mutant) Rule {
	return Rule{ID: id, What: what, Mutants: mutants, Check: func(s *Stack) []string {
		all, broken := s.statements()
		for i := range all {
			if fault := wrong(s, &all[i]); fault != "" {
				broken = append(broken, all[i].String()+": "+fault)
			}
		}
		return broken
	}}
}

// reasons are the statements that may be about all resources, and why. In the
// policy of a key * is the key.
var reasons = map[string]string{
	"SignIn": "ecr:GetAuthorizationToken is about no resource",
}

func identity(kind string) bool {
	return kind == "aws:iam/rolePolicy:RolePolicy" || kind == "aws:iam/policy:Policy"
}

var sid = regexp.MustCompile(`^[A-Za-z0-9]+$`)

const (
	rolePolicy  = "aws:iam/rolePolicy:RolePolicy"
	queuePolicy = "aws:sqs/queuePolicy:QueuePolicy"
	topicPolicy = "aws:sns/topicPolicy:TopicPolicy"
	roleType    = "aws:iam/role:Role"
)

func policies() []Rule {
	first := func(kind string, value any, path string) Mutant { return change(kind, nil, value, path) }
	return []Rule{
		statements("policies-parse", "every policy parses, each statement has an id, an effect and actions",
			func(_ *Stack, st *statement) string {
				if !sid.MatchString(st.Sid) || (st.Effect != "Allow" && st.Effect != "Deny") || len(st.Action) == 0 {
					return "id, effect or actions are missing"
				}
				return ""
			},
			first(rolePolicy, "{", "policy"), first(rolePolicy, nil, "policy.Statement.0.Sid"), first(rolePolicy, []any{}, "policy.Statement.0.Action")),
		statements("IAM.1", "no policy gives full rights", func(_ *Stack, st *statement) string {
			if st.allows() && slices.Contains(st.Action, "*") {
				return "allows *"
			}
			return ""
		}, first(rolePolicy, []any{"*"}, "policy.Statement.0.Action")),
		statements("IAM.21", "no policy of an identity gives all rights on a service", func(_ *Stack, st *statement) string {
			for _, action := range st.Action {
				if st.allows() && identity(st.of.Type) && strings.Contains(strings.TrimSuffix(action, "Describe*"), "*") {
					return "allows " + action
				}
			}
			return ""
		}, first(rolePolicy, []any{"s3:*"}, "policy.Statement.0.Action"), first("aws:iam/policy:Policy", []any{"sns:*"}, "policy.Statement.0.Action")),
		statements("policies-name-resources", "what is allowed is allowed on named resources; * has a listed reason", func(_ *Stack, st *statement) string {
			if identity(st.of.Type) && st.allows() && len(st.Resource) == 0 {
				return "names no resource"
			}
			if st.allows() && st.of.Type != keyType && slices.Contains(st.Resource, "*") && reasons[st.Sid] == "" {
				return "is about all resources, and no reason is listed"
			}
			return ""
		}, first(rolePolicy, []any{"*"}, "policy.Statement.0.Resource"), first(topicPolicy, []any{"*"}, "policy.Statement.1.Resource")),
		statements("nobody-public", "S3.2, S3.3, S3.6, SQS.3, SNS.4, KMS.5: nobody outside the account is let in", func(_ *Stack, st *statement) string {
			if !st.allows() || !st.everybody() {
				return ""
			}
			if st.of.Type == "aws:ec2/vpcEndpoint:VpcEndpoint" && st.Sid == "Images" {
				return "" // presigned by ECR, whose account is not known; it only reads layers
			}
			if st.of.Type == "aws:ec2/vpcEndpoint:VpcEndpoint" && st.has("aws:PrincipalAccount") {
				return ""
			}
			return "lets everybody in"
		}, change(queuePolicy, named("v1-ingest"), map[string]any{"AWS": []any{"*"}}, "policy.Statement.1.Principal"),
			allowAll(queuePolicy), allowAll(topicPolicy), allowAll("aws:s3/bucketPolicy:BucketPolicy"), allowAll(keyType),
			first("aws:ec2/vpcEndpoint:VpcEndpoint", nil, "policy.Statement.0.Condition")),
		statements("confused-deputy", "a policy of a resource lets a service of AWS in only for a resource of the account (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html)", func(_ *Stack, st *statement) string {
			if len(st.services()) == 0 || !st.allows() || st.of.Type == roleType {
				return "" // of roles: trust-policies
			}
			if st.has("aws:SourceArn") || st.has("kms:EncryptionContext:aws:logs:arn") {
				return ""
			}
			return fmt.Sprintf("lets %v in for anybody", st.services())
		}, first(keyType, nil, "policy.Statement.1.Condition"), first(topicPolicy, nil, "policy.Statement.2.Condition"),
			change(queuePolicy, named("v1-ingest"), nil, "policy.Statement.1.Condition")),
		statements("KMS.1", "KMS.1 and KMS.2: no identity may decrypt with every key", func(_ *Stack, st *statement) string {
			for _, resource := range st.Resource {
				if st.allows() && identity(st.of.Type) && strings.HasPrefix(st.Action[0], "kms:") && !ofKey(resource) {
					return "may use " + resource
				}
			}
			return ""
		}, keyStatement(rolePolicy, "arn:aws:kms:eu-west-1:111122223333:*"), keyStatement("aws:iam/policy:Policy", "*")),
		tlsOnly("S3.5", "aws:s3/bucketV2:BucketV2", "aws:s3/bucketPolicy:BucketPolicy"),
		tlsOnly("queues-tls", "aws:sqs/queue:Queue", queuePolicy),
		tlsOnly("topics-tls", "aws:sns/topic:Topic", topicPolicy),
		trusts(), analysts(),
	}
}

// allowAll turns the first denial of a type of policy into its opposite.
func allowAll(kind string) Mutant {
	return func(s *Stack) bool {
		return change(kind, nil, "Allow", "policy.Statement.0.Effect")(s) && change(kind, nil, "*", "policy.Statement.0.Principal")(s)
	}
}

// keyStatement makes the statement on the key in some policy one on another.
func keyStatement(kind, resource string) Mutant {
	return func(s *Stack) bool {
		for _, r := range s.find(kind) {
			list, _ := at(r.Inputs, "policy.Statement").([]any)
			for _, st := range list {
				if at(st, "Sid") == "Key" {
					st.(map[string]any)["Resource"] = []any{resource}
					return true
				}
			}
		}
		return false
	}
}

// tlsOnly is the rule that each resource of a type has a policy, of the same
// name, that denies what does not come over TLS.
func tlsOnly(id, kind, policy string) Rule {
	return Rule{
		ID: id, What: "every " + kind + " refuses what does not come over TLS",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			for _, r := range s.find(kind) {
				if !slices.ContainsFunc(all, func(st statement) bool {
					return st.of.Type == policy && st.of.Name == r.Name && st.Effect == "Deny" && string(st.Principal) == `"*"` &&
						slices.Contains(st.Condition["Bool"]["aws:SecureTransport"], "false") && len(st.Resource) > 0
				}) {
					broken = append(broken, kind+" "+r.Name+" accepts what comes without TLS")
				}
			}
			return broken
		},
		Mutants: []Mutant{remove(policy, nil), change(policy, nil, "Allow", "policy.Statement.0.Effect"), change(policy, nil, nil, "policy.Statement.0.Condition")},
	}
}

// analysts is the rule that whoever may query the results may read nothing
// that names anybody.
func analysts() Rule {
	const kind = "aws:iam/policy:Policy"
	return statements("analysts-results-only", "the analysts' policy reads the tables of results, and results of queries: no lake, no quarantine, no partials", func(_ *Stack, st *statement) string {
		for _, resource := range st.Resource {
			if st.of.Type != kind || st.of.Name != "analyst" || !strings.HasPrefix(resource, "arn:aws:s3") {
				continue
			}
			object := strings.Contains(resource, "/")
			if strings.Contains(resource, "-lake-") || strings.Contains(resource, "-quarantine-") ||
				object && !slices.ContainsFunc(append([]string{"athena"}, resultTables...), func(of string) bool { return strings.HasSuffix(resource, "/"+of+"/*") }) {
				return "may read " + resource
			}
		}
		return ""
	}, change(kind, named("analyst"), []any{"arn:aws:s3:::headcount-dev-lake-111122223333-eu-west-1/*"}, "policy.Statement.3.Resource"),
		change(kind, named("analyst"), []any{"arn:aws:s3:::headcount-dev-aggregates-111122223333-eu-west-1/*"}, "policy.Statement.6.Resource"))
}
