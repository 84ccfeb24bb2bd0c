package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	groupType    = "aws:ec2/securityGroup:SecurityGroup"
	endpointType = "aws:ec2/vpcEndpoint:VpcEndpoint"
	subnetType   = "aws:ec2/subnet:Subnet"
	routeType    = "aws:ec2/route:Route"
	flowLogType  = "aws:ec2/flowLog:FlowLog"
	natType      = "aws:ec2/natGateway:NatGateway"
)

var groupDescription = regexp.MustCompile(`^Headcount [a-z0-9]+: (tasks|endpoints)$`)

// networks are the rules on the network.
func networks() []Rule {
	return append(rulesOf(
		property{id: "EC2.15", what: "subnets give out no public addresses", kind: subnetType, path: []any{"mapPublicIpOnLaunch"}, want: is(false), wrong: []any{true}},
		property{id: "EC2.6", what: "refused connections are logged", kind: flowLogType, path: []any{"trafficType"}, want: oneOf("REJECT", "ALL"), wrong: []any{"ACCEPT"}},
		property{id: "s3-endpoint", what: "S3 is reached inside of AWS, and only the stack's buckets are", kind: endpointType, only: func(_ *Stack, r record.Resource) bool { return r.Name == "s3" }, path: []any{"policy", "Statement", 0, "Resource"}, want: func(v any) bool {
			return strings.Contains(fmt.Sprint(v), "headcount-") && !strings.Contains(fmt.Sprint(v), "[*]")
		}, wrong: []any{[]any{"*"}}},
		property{id: "s3-endpoint-routed", what: "the private subnets are routed to it", kind: endpointType, only: func(_ *Stack, r record.Resource) bool { return r.Name == "s3" }, path: []any{"routeTableIds", 0}, want: given},
		property{id: "groups-unnamed", what: "Pulumi names security groups: with a fixed name a group cannot be replaced while network interfaces use the old one (https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/security_group#recreating-a-security-group)", kind: groupType, path: []any{"name"}, absent: true, want: func(any) bool { return false }, wrong: []any{"headcount-dev-tasks"}},
		property{id: "groups-described", what: "a security group's description does not name the kind of network, since another description replaces the group (the same page)", kind: groupType, path: []any{"description"}, want: func(v any) bool {
			return groupDescription.MatchString(fmt.Sprint(v))
		}, wrong: []any{"Tasks: HTTPS goes out, through the NAT gateway"}},
	), defaultGroup(), nothingComesIn(), onlyHTTPS(), waysOut(), twoZones())
}

func defaultGroup() Rule {
	const kind = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
	return Rule{
		ID: "EC2.2", What: "the default security group lets nothing through",
		Check: func(s *Stack) (broken []string) {
			groups := s.find(kind)
			if len(groups) != 1 {
				broken = append(broken, "it is as Amazon made it")
			}
			for _, r := range groups {
				if _, in := r.Inputs["ingress"]; in {
					broken = append(broken, r.Name+": something may come in")
				}
				if _, out := r.Inputs["egress"]; out {
					broken = append(broken, r.Name+": something may go out")
				}
			}
			return broken
		},
		Mutants: []Mutant{remove(kind, nil), change(kind, nil, []any{map[string]any{}}, "ingress"), change(kind, nil, []any{map[string]any{}}, "egress")},
	}
}

func nothingComesIn() Rule {
	return Rule{
		ID: "EC2.18", What: "EC2.18 and EC2.19: nothing comes in from outside of the network, and nothing at all to tasks",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(groupType) {
				in := fmt.Sprint(r.Inputs["ingress"])
				if r.Inputs["ingress"] != nil && (r.Name == "tasks" || strings.Contains(in, "0.0.0.0/0") || strings.Contains(in, "::/0")) {
					broken = append(broken, r.Name+": "+in)
				}
			}
			return broken
		},
		Mutants: []Mutant{change(groupType, named("tasks"), []any{map[string]any{"cidrBlocks": []any{"0.0.0.0/0"}, "fromPort": float64(22), "toPort": float64(22), "protocol": "tcp"}}, "ingress")},
	}
}

func onlyHTTPS() Rule {
	return Rule{
		ID: "tasks-https", What: "tasks talk HTTPS only, and with endpoints to nothing outside",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(groupType) {
				for i := 0; text(r, "egress", i, "protocol") != ""; i++ {
					if text(r, "egress", i, "fromPort") != "443" || text(r, "egress", i, "toPort") != "443" || text(r, "egress", i, "protocol") != "tcp" {
						broken = append(broken, fmt.Sprintf("%s: egress %d is not HTTPS", r.Name, i))
					}
					if s.Settings.Network == settings.Endpoints && text(r, "egress", i, "cidrBlocks") != "" {
						broken = append(broken, fmt.Sprintf("%s: egress %d leads outside", r.Name, i))
					}
				}
				if r.Name == "tasks" && text(r, "egress", 0, "protocol") == "" {
					broken = append(broken, "tasks can talk to nobody")
				}
			}
			return broken
		},
		Mutants: []Mutant{change(groupType, named("tasks"), float64(0), "egress", 0, "fromPort"), change(groupType, named("tasks"), "-1", "egress", 0, "protocol"), change(groupType, named("tasks"), nil, "egress")},
	}
}

// waysOut is the rule on how the private subnets reach AWS.
func waysOut() Rule {
	services := []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", "sns", "sqs"}
	return Rule{
		ID: "ways-out", What: "there is one NAT gateway, or an endpoint in both zones for all that is called (EC2.55, EC2.56); never a route to the internet from a private subnet",
		Check: func(s *Stack) (broken []string) {
			nat := s.Settings.Network == settings.NAT
			if got := len(s.find(natType)); (got == 1) != nat || got > 1 {
				broken = append(broken, fmt.Sprintf("%d NAT gateways with %s", got, s.Settings.Network))
			}
			for _, r := range s.find(routeType) {
				if r.Name != "public" && text(r, "gatewayId") != "" || !nat {
					broken = append(broken, "route "+r.Name+" leads to the internet")
				}
			}
			for _, service := range services {
				i := slices.IndexFunc(s.Resources, func(r record.Resource) bool { return r.Type == endpointType && r.Name == service })
				if (i >= 0) == nat {
					broken = append(broken, fmt.Sprintf("endpoint for %s with %s", service, s.Settings.Network))
				} else if i >= 0 && (text(s.Resources[i], "subnetIds", 1) == "" || text(s.Resources[i], "privateDnsEnabled") != "true" || text(s.Resources[i], "vpcEndpointType") != "Interface") {
					broken = append(broken, "the endpoint for "+service+" is not in both zones, or not found by its name")
				}
			}
			return broken
		},
		Mutants: []Mutant{
			func(s *Stack) bool { // as the stack has one or the other
				return remove(natType, nil)(s) || remove(endpointType, named("sqs"))(s)
			},
			func(s *Stack) bool {
				return change(routeType, named("private"), "igw-1", "gatewayId")(s) || change(endpointType, named("sqs"), false, "privateDnsEnabled")(s)
			},
		},
	}
}

func twoZones() Rule {
	return Rule{
		ID: "two-zones", What: "the private subnets are in two zones",
		Check: func(s *Stack) []string {
			zones := map[string]bool{}
			for _, r := range s.find(subnetType) {
				if strings.HasPrefix(r.Name, "private-") {
					zones[text(r, "availabilityZone")] = true
				}
			}
			if len(zones) != 2 {
				return []string{fmt.Sprintf("private subnets in %d zones", len(zones))}
			}
			return nil
		},
		Mutants: []Mutant{func(s *Stack) bool {
			for _, r := range s.find(subnetType) {
				r.Inputs["availabilityZone"] = "eu-west-1a"
			}
			return true
		}},
	}
}
