package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// tasks are the rules on tasks and their scaling.
func tasks() []Rule {
	masker := ending("-masker")
	const metrics = "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics."
	return []Rule{
		each("tasks-drain", "ECS waits longer than the service needs to stop, which is STOP_TIMEOUT and 5 seconds; 120 is Fargate's most", func(_ *Stack, r record.Resource) string {
			if r.Type != taskType {
				return ""
			}
			var kill, stop float64
			_, err1 := fmt.Sscan(text(r, container+"stopTimeout"), &kill)
			_, err2 := fmt.Sscanf(environment(r)["STOP_TIMEOUT"], "%fs", &stop)
			if err1 != nil || err2 != nil || kill < stop+5 || kill > 120 {
				return fmt.Sprintf("it is killed after %gs, and stops within %gs", kill, stop)
			}
			return ""
		}, change(taskType, nil, 30.0, container+"stopTimeout"), change(taskType, nil, nil, container+"stopTimeout")),
		each("keys-for-masker", "the masker gets the masking keys from Secrets Manager, in one version; no other task gets them", func(_ *Stack, r record.Resource) string {
			from := text(r, container+"secrets.0.valueFrom")
			parts := strings.Split(from, ":")
			if r.Type == taskType && (masker(r) != (len(parts) == 10 && parts[2] == "secretsmanager" && parts[9] != "") || masker(r) != (from != "")) {
				return "MASKING_KEYS is from " + from
			}
			return ""
		}, change(taskType, masker, nil, container+"secrets"),
			change(taskType, masker, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-AbCdEf", container+"secrets.0.valueFrom"),
			change(taskType, named("v1-validator"), []any{map[string]any{"name": "MASKING_KEYS", "valueFrom": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x:::1"}}, container+"secrets")),
		each("scaling-backlog", "CloudWatch returns one series to a scaling policy, the last expression; without running tasks it is the backlog, not a division by nothing", func(_ *Stack, r record.Resource) string {
			returned, last := 0, ""
			for i := 0; text(r, fmt.Sprint(metrics, i, ".id")) != ""; i++ {
				last = text(r, fmt.Sprint(metrics, i, ".expression"))
				if text(r, fmt.Sprint(metrics, i, ".returnData")) == "true" {
					returned++
				}
			}
			if r.Type == scaleType && (returned != 1 || !strings.HasPrefix(last, "IF(FILL(r,0)>0, ")) {
				return fmt.Sprintf("%d series are returned, the last is %s", returned, last)
			}
			return ""
		}, change(scaleType, nil, true, metrics+"0.returnData"), change(scaleType, named("v1-masker"), "m/r", metrics+"2.expression")),
		statements("tasks-least-rights", "a task deletes and reads nothing but aggregates, uses what is its own flow's, and only the masker's execution role reads the masking keys", func(_ *Stack, st *statement) string {
			if slices.Contains(st.Action, "secretsmanager:GetSecretValue") && !strings.HasSuffix(st.of.Name, "-masker-exec") {
				return "may read the masking keys"
			}
			if st.of.Type != rolePolicy || !strings.HasSuffix(st.of.Name, "-task") {
				return ""
			}
			flow, service, _ := strings.Cut(strings.TrimSuffix(st.of.Name, "-task"), "-")
			for _, resource := range st.Resource {
				aggregates := service == "aggregator" && strings.Contains(resource, "-aggregates-")
				for _, action := range st.Action {
					if strings.HasPrefix(action, "s3:") && action != "s3:PutObject" && action != "s3:ListBucket" && (!aggregates || action != "s3:GetObject") ||
						strings.HasPrefix(action, "sqs:") && (!strings.Contains(resource, "-"+flow+"-") || action == "sqs:PurgeQueue") || strings.Contains(resource, "-lake-") {
						return "may " + action + " on " + resource
					}
				}
			}
			return ""
		}, change(rolePolicy, named("v1-validator-task"), []any{"arn:aws:sqs:eu-west-1:111122223333:headcount-dev-v2-valid"}, "policy.Statement.0.Resource"),
			change(rolePolicy, named("v1-masker-task"), []any{"sqs:PurgeQueue"}, "policy.Statement.0.Action"),
			change(rolePolicy, named("v1-aggregator-task"), []any{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, "policy.Statement.3.Action"),
			change(rolePolicy, named("v1-validator-exec"), []any{"secretsmanager:GetSecretValue"}, "policy.Statement.0.Action")),
	}
}

// environment gives the environment of a task's container.
func environment(r record.Resource) map[string]string {
	env := map[string]string{}
	list, _ := at(r.Inputs, container+"environment").([]any)
	for _, v := range list {
		env[fmt.Sprint(at(v, "name"))] = fmt.Sprint(at(v, "value"))
	}
	return env
}

// networks are the rules on the network.
func networks() []Rule {
	const defaultGroup, routeType = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/route:Route"
	endpoints := func(s *Stack) bool { return s.Settings.Network == settings.Endpoints }
	return []Rule{
		{
			ID: "EC2.2", What: "the default security group lets nothing through",
			Check: func(s *Stack) []string {
				for _, r := range s.find(defaultGroup) {
					if r.Inputs["ingress"] == nil && r.Inputs["egress"] == nil {
						return nil
					}
				}
				return []string{"it is as Amazon made it, or lets something through"}
			},
			Mutants: []Mutant{remove(defaultGroup, nil), change(defaultGroup, nil, []any{map[string]any{}}, "ingress"), change(defaultGroup, nil, []any{map[string]any{}}, "egress")},
		},
		each("EC2.18", "EC2.18 and EC2.19: nothing comes in from outside of the network, and nothing at all to tasks", func(_ *Stack, r record.Resource) string {
			in := fmt.Sprint(r.Inputs["ingress"])
			if r.Type == groupType && r.Inputs["ingress"] != nil && (r.Name == "tasks" || strings.Contains(in, "0.0.0.0/0") || strings.Contains(in, "::/0")) {
				return in
			}
			return ""
		}, change(groupType, named("tasks"), []any{map[string]any{"cidrBlocks": []any{"0.0.0.0/0"}, "fromPort": 22.0, "toPort": 22.0, "protocol": "tcp"}}, "ingress")),
		each("tasks-https", "tasks talk HTTPS only, and with endpoints to nothing outside of AWS", func(s *Stack, r record.Resource) string {
			out, _ := r.Inputs["egress"].([]any)
			for _, rule := range out {
				if r.Type == groupType && (at(rule, "fromPort") != 443.0 || at(rule, "toPort") != 443.0 || at(rule, "protocol") != "tcp" || endpoints(s) && at(rule, "cidrBlocks") != nil) {
					return fmt.Sprint(rule)
				}
			}
			return ""
		}, change(groupType, named("tasks"), 0.0, "egress.0.fromPort"), change(groupType, named("tasks"), "-1", "egress.0.protocol")),
		each("EC2.55", "EC2.55 and EC2.56: with endpoints no route leads to the internet, and each is found by its name, in both zones", func(s *Stack, r record.Resource) string {
			switch {
			case !endpoints(s) && r.Type == endpointType && text(r, "vpcEndpointType") == "Interface", endpoints(s) && r.Type == routeType:
				return "it does not belong to this kind of network"
			case r.Type == endpointType && text(r, "vpcEndpointType") == "Interface" && (text(r, "subnetIds.1") == "" || text(r, "privateDnsEnabled") != "true"):
				return "it is not in both zones, or not found by its name"
			}
			return ""
		}, func(s *Stack) bool {
			return endpoints(s) && change(endpointType, named("sqs"), false, "privateDnsEnabled")(s)
		}, func(s *Stack) bool {
			return endpoints(s) && add(record.Resource{Type: routeType, Name: "private", Inputs: map[string]any{}})(s)
		}),
	}
}
