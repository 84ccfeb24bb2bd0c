package rules

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// tasks are the rules on tasks and their scaling.
func tasks() []Rule {
	masker := ending("-masker")
	const metrics = "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics."
	return []Rule{
		each("tasks-drain", "ECS waits longer than the service needs to stop, which is STOP_TIMEOUT and 10 seconds; 120 is Fargate's most", func(_ *Stack, r record.Resource) string {
			if r.Type != taskType {
				return ""
			}
			var kill, stop float64
			_, err1 := fmt.Sscan(text(r, container+"stopTimeout"), &kill)
			_, err2 := fmt.Sscanf(environment(r)["STOP_TIMEOUT"], "%fs", &stop)
			if err1 != nil || err2 != nil || kill < stop+10 || kill > 120 {
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
		statements("keys-readers", "only the masker's execution role reads the masking keys", func(_ *Stack, st *statement) string {
			if slices.Contains(st.Action, "secretsmanager:GetSecretValue") && !strings.HasSuffix(st.of.Name, "-masker-exec") {
				return "may read the masking keys"
			}
			return ""
		}, change(rolePolicy, named("v1-validator-exec"), []any{"secretsmanager:GetSecretValue"}, "policy.Statement.0.Action")),
		leastRights(),
	}
}

// leastRights is the rule that a task may do what its stage does, and nothing else.
func leastRights() Rule {
	mutant := func(stage string, value any, path string) Mutant {
		return change(rolePolicy, named("v1-"+stage+"-task"), []any{value}, "policy.Statement."+path)
	}
	const queue, bucket, topic = "arn:aws:sqs:eu-west-1:111122223333:headcount-dev-", "arn:aws:s3:::headcount-dev-", "arn:aws:sns:eu-west-1:111122223333:headcount-dev-"
	return Rule{
		ID: "tasks-least-rights", What: "a task may use the queues of its stage in its own flow, what the table of package pipeline grants the stage, and the key",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			for i := range s.Settings.Flows {
				for _, stage := range pipeline.Stages {
					role := s.Settings.Flows[i].Name + "-" + stage.Name + "-task"
					may := rights{}
					for _, st := range all {
						for _, resource := range st.Resource {
							if st.of.Type == rolePolicy && st.of.Name == role && st.allows() && (!ofKey(resource) || !slices.Equal(st.Action, []string{"kms:GenerateDataKey", "kms:Decrypt"})) {
								may.add(resource, st.Action...)
							}
						}
					}
					if want := s.granted(stage, s.Settings.Flows[i].Name); !reflect.DeepEqual(may, want) {
						broken = append(broken, fmt.Sprintf("%s: may %v, should %v", role, may, want))
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{
			mutant("validator", queue+"v2-ingest", "0.Resource"), mutant("validator", queue+"v1-masked", "1.Resource"), mutant("masker", "sqs:PurgeQueue", "0.Action"),
			mutant("validator", bucket+"lake-111122223333-eu-west-1/data/*", "2.Resource"), mutant("masker", "s3:GetObject", "2.Action"),
			mutant("validator", topic+"events", "4.Resource"), mutant("masker", "arn:aws:kms:eu-west-1:111122223333:key/*", "4.Resource"), mutant("masker", "kms:*", "5.Action"),
			mutant("aggregator", "s3:DeleteObject", "3.Action"), mutant("aggregator", bucket+"aggregates-111122223333-eu-west-1/*", "3.Resource"),
			mutant("aggregator", bucket+"aggregates-111122223333-eu-west-1/places/*", "5.Resource"), mutant("aggregator", "sqs:ReceiveMessage", "7.Action"),
			remove(rolePolicy, named("v1-aggregator-task")),
		},
	}
}

// rights are the actions that are allowed, by the ARN of the resource.
type rights map[string]map[string]bool

func (r rights) add(resource string, actions ...string) {
	if r[resource] == nil {
		r[resource] = map[string]bool{}
	}
	for _, action := range actions {
		r[resource][action] = true
	}
}

// granted gives the rights of a stage's task in a flow, but for those on the key.
func (s *Stack) granted(stage pipeline.Stage, flow string) rights {
	n, may := names.Names{Stack: s.Settings.Stack, Account: record.Account, Region: s.Settings.Region}, rights{}
	for _, queue := range stage.Reads() {
		may.add(n.ARN("sqs", n.Queue(flow, queue)), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")
	}
	for _, queue := range []string{stage.Output, stage.Own} {
		if queue != "" {
			may.add(n.ARN("sqs", n.Queue(flow, queue)), "sqs:SendMessage", "sqs:GetQueueAttributes")
		}
	}
	if stage.Buries {
		may.add(n.ARN("sqs", n.Queue(flow, stage.Input)+"-dlq"), "sqs:SendMessage")
	}
	objects := func(bucket, keys string) string { return "arn:aws:s3:::" + n.Bucket(bucket) + keys }
	if stage.Can(pipeline.Quarantine) {
		may.add(objects(names.Quarantine, "/quarantine/*"), "s3:PutObject")
		may.add(objects(names.Quarantine, ""), "s3:ListBucket")
	}
	if stage.Can(pipeline.Alerts) {
		may.add(n.ARN("sns", n.Topic(settings.Alerts)), "sns:Publish")
	}
	if stage.Can(pipeline.Aggregates) {
		keys := []string{"/partials/flow=" + flow + "/*", "/snapshots/flow=" + flow + "/*", "/flows/" + flow + ".json"}
		for _, of := range resultTables {
			keys = append(keys, "/"+of+"/flow="+flow+"/*")
		}
		for _, keys := range keys {
			may.add(objects(names.Aggregates, keys), "s3:GetObject", "s3:PutObject")
		}
		may.add(objects(names.Aggregates, ""), "s3:ListBucket")
	}
	if stage.Can(pipeline.Places) {
		may.add(objects(names.Aggregates, "/places/"+flow+"-*"), "s3:GetObject")
	}
	return may
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
	const defaultGroup, routeType, associationType = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation"
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
		each("tasks-private", "no route of a subnet in which tasks run leads to an internet gateway: what goes out goes through the NAT gateway, and nothing comes in", func(s *Stack, r record.Resource) string {
			inside := map[string]bool{}
			for _, service := range s.find(serviceType) {
				for _, subnet := range at(service.Inputs, "networkConfiguration.subnets").([]any) {
					inside[fmt.Sprint(subnet)] = true
				}
			}
			for _, a := range s.find(associationType) {
				if r.Type == routeType && text(r, "gatewayId") != "" && inside[text(a, "subnetId")] && text(a, "routeTableId") == text(r, "routeTableId") {
					return "it leads from " + text(a, "subnetId") + " to " + text(r, "gatewayId")
				}
			}
			return ""
		}, change(routeType, named("private"), "igw-1", "gatewayId"), func(s *Stack) bool {
			return slices.ContainsFunc(s.find(routeType), func(public record.Resource) bool {
				return public.Name == "public" && change(associationType, named("private-2"), text(public, "routeTableId"), "routeTableId")(s)
			})
		}),
	}
}
