package program

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

// zones is in how many availability zones tasks run.
const zones = 2

// The addresses: a private subnet for each zone, and a small public one for the
// NAT gateway.
const vpcCIDR, publicCIDR = "10.20.0.0/16", "10.20.255.0/28"

func privateCIDR(zone int) string { return fmt.Sprintf("10.20.%d.0/20", 16*zone) }

// endpointServices are what the tasks and Fargate call, but for S3.
var endpointServices = []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", "sns", "sqs"}

// network is where the tasks run: nothing in it can be reached from outside.
type network struct {
	subnets pulumi.StringArray
	tasks   *ec2.SecurityGroup
	// ready is what tasks need in order to reach AWS.
	ready []pulumi.Resource
}

func (s *stack) network() *network {
	vpc := add(s, ec2.NewVpc, "network", &ec2.VpcArgs{
		CidrBlock: pulumi.String(vpcCIDR), EnableDnsHostnames: pulumi.Bool(true), EnableDnsSupport: pulumi.Bool(true),
		Tags: s.called(s.names.Prefix()),
	})
	s.watch(vpc)
	// What uses no group of its own may talk to nobody.
	add(s, ec2.NewDefaultSecurityGroup, "network", &ec2.DefaultSecurityGroupArgs{VpcId: vpc.ID()})
	routes := add(s, ec2.NewRouteTable, "private", &ec2.RouteTableArgs{VpcId: vpc.ID(), Tags: s.called(s.names.Prefix() + "-private")})
	available := s.zones()
	n := &network{}
	for i, zone := range available {
		subnet := s.subnet(fmt.Sprintf("private-%d", i+1), vpc, zone, privateCIDR(i), routes)
		n.subnets = append(n.subnets, subnet.ID())
	}
	s3 := add(s, ec2.NewVpcEndpoint, "s3", &ec2.VpcEndpointArgs{
		VpcId: vpc.ID(), VpcEndpointType: pulumi.String("Gateway"), ServiceName: pulumi.String("com.amazonaws." + s.Region + ".s3"),
		RouteTableIds: pulumi.StringArray{routes.ID()}, Policy: s.objectsPolicy().JSON(), Tags: s.called(s.names.Prefix() + "-s3"),
	})
	n.ready = append(n.ready, s3)
	if s.Network == settings.NAT {
		s.nat(n, vpc, available[0], routes)
	} else {
		s.endpoints(n, vpc, s3)
	}
	return n
}

// zones gives the first availability zones of the region that every account has.
func (s *stack) zones() []string {
	state := "available"
	all, err := aws.GetAvailabilityZones(s.ctx, &aws.GetAvailabilityZonesArgs{
		State: &state, Filters: []aws.GetAvailabilityZonesFilter{{Name: "opt-in-status", Values: []string{"opt-in-not-required"}}},
	}, pulumi.Provider(s.provider))
	if err != nil {
		check(fmt.Errorf("availability zones: %w", err))
	}
	names := slices.Sorted(slices.Values(all.Names))
	if len(names) < zones {
		check(fmt.Errorf("region %s has %d availability zones, %d are needed", s.Region, len(names), zones))
	}
	return names[:zones]
}

func (s *stack) called(name string) pulumi.StringMap {
	return pulumi.StringMap{"Name": pulumi.String(name)}
}

func (s *stack) subnet(name string, vpc *ec2.Vpc, zone, cidr string, routes *ec2.RouteTable) *ec2.Subnet {
	subnet := add(s, ec2.NewSubnet, name, &ec2.SubnetArgs{
		VpcId: vpc.ID(), AvailabilityZone: pulumi.String(zone), CidrBlock: pulumi.String(cidr),
		MapPublicIpOnLaunch: pulumi.Bool(false), Tags: s.called(s.names.Prefix() + "-" + name),
	})
	add(s, ec2.NewRouteTableAssociation, name, &ec2.RouteTableAssociationArgs{SubnetId: subnet.ID(), RouteTableId: routes.ID()})
	return subnet
}

// watch logs the connections that were refused.
func (s *stack) watch(vpc *ec2.Vpc) {
	log := s.logGroup("network", "/headcount/"+s.Stack+"/network")
	role := s.role("flow-log", policy.Trust("vpc-flow-logs.amazonaws.com", policy.From(s.names.Account, s.names.ARN("ec2", "vpc-flow-log/*"))), policy.Document{{
		Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", log.Arn)},
	}})
	add(s, ec2.NewFlowLog, "network", &ec2.FlowLogArgs{
		VpcId: vpc.ID(), TrafficType: pulumi.String("REJECT"), LogDestination: log.Arn, IamRoleArn: role.Arn,
	}, pulumi.DependsOn([]pulumi.Resource{role.ready}))
}

// objectsPolicy lets tasks reach no buckets but the stack's, and the one from
// which ECR hands out the layers of images
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html).
func (s *stack) objectsPolicy() policy.Document {
	everybody := policy.On("*") // whose own policies say what they may
	return policy.Document{
		{
			Sid: "Own", Accounts: everybody, Actions: []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:AbortMultipartUpload"},
			Resources:  policy.On("arn:aws:s3:::"+s.names.Bucket("*"), "arn:aws:s3:::"+s.names.Bucket("*")+"/*"),
			Conditions: policy.Conditions{"StringEquals": {"aws:PrincipalAccount": pulumi.String(s.names.Account)}},
		},
		{
			Sid: "Images", Accounts: everybody, Actions: []string{"s3:GetObject"},
			Resources: policy.On("arn:aws:s3:::prod-" + s.Region + "-starport-layer-bucket/*"),
		},
	}
}

// nat lets the private subnets reach AWS through one NAT gateway. In one zone:
// if that zone is down, the queues hold what comes until it is back.
func (s *stack) nat(n *network, vpc *ec2.Vpc, zone string, private *ec2.RouteTable) {
	gateway := add(s, ec2.NewInternetGateway, "internet", &ec2.InternetGatewayArgs{VpcId: vpc.ID(), Tags: s.called(s.names.Prefix())})
	public := add(s, ec2.NewRouteTable, "public", &ec2.RouteTableArgs{VpcId: vpc.ID(), Tags: s.called(s.names.Prefix() + "-public")})
	out := add(s, ec2.NewRoute, "public", &ec2.RouteArgs{
		RouteTableId: public.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), GatewayId: gateway.ID(),
	})
	subnet := s.subnet("public", vpc, zone, publicCIDR, public)
	address := add(s, ec2.NewEip, "nat", &ec2.EipArgs{Domain: pulumi.String("vpc"), Tags: s.called(s.names.Prefix())}, pulumi.DependsOn([]pulumi.Resource{gateway}))
	nat := add(s, ec2.NewNatGateway, "nat", &ec2.NatGatewayArgs{
		SubnetId: subnet.ID(), AllocationId: address.ID(), Tags: s.called(s.names.Prefix()),
	}, pulumi.DependsOn([]pulumi.Resource{out}))
	way := add(s, ec2.NewRoute, "private", &ec2.RouteArgs{
		RouteTableId: private.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), NatGatewayId: nat.ID(),
	})
	n.ready = append(n.ready, way)
	n.tasks = s.securityGroup("tasks", vpc, nil, ec2.SecurityGroupEgressArray{
		https("To AWS, through the NAT gateway", ec2.SecurityGroupEgressArgs{CidrBlocks: pulumi.ToStringArray([]string{"0.0.0.0/0"})}),
	})
}

// endpoints lets the private subnets reach what they call in AWS, and nothing
// else in the world.
func (s *stack) endpoints(n *network, vpc *ec2.Vpc, s3 *ec2.VpcEndpoint) {
	group := s.securityGroup("endpoints", vpc, ec2.SecurityGroupIngressArray{ec2.SecurityGroupIngressArgs{
		Description: pulumi.String("HTTPS from the network"), Protocol: pulumi.String("tcp"), FromPort: pulumi.Int(443), ToPort: pulumi.Int(443),
		CidrBlocks: pulumi.ToStringArray([]string{vpcCIDR}),
	}}, ec2.SecurityGroupEgressArray{})
	n.tasks = s.securityGroup("tasks", vpc, nil, ec2.SecurityGroupEgressArray{
		https("To the interface endpoints", ec2.SecurityGroupEgressArgs{SecurityGroups: pulumi.StringArray{group.ID()}}),
		https("To S3, through its gateway endpoint", ec2.SecurityGroupEgressArgs{PrefixListIds: pulumi.StringArray{s3.PrefixListId}}),
	})
	for _, service := range endpointServices {
		endpoint := add(s, ec2.NewVpcEndpoint, service, &ec2.VpcEndpointArgs{
			VpcId: vpc.ID(), VpcEndpointType: pulumi.String("Interface"), ServiceName: pulumi.String("com.amazonaws." + s.Region + "." + service),
			SubnetIds: n.subnets, SecurityGroupIds: pulumi.StringArray{group.ID()}, PrivateDnsEnabled: pulumi.Bool(true),
			Tags: s.called(s.names.Prefix() + "-" + service),
		})
		n.ready = append(n.ready, endpoint)
	}
}

func https(description string, to ec2.SecurityGroupEgressArgs) ec2.SecurityGroupEgressArgs {
	to.Description, to.Protocol, to.FromPort, to.ToPort = pulumi.String(description), pulumi.String("tcp"), pulumi.Int(443), pulumi.Int(443)
	return to
}

// securityGroup creates a security group. Its description is the same whatever
// the network, since another one replaces the group, which AWS refuses to delete
// while network interfaces use it; and Pulumi names it, so that a replacement
// can be there beside it
// (https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/security_group#recreating-a-security-group).
func (s *stack) securityGroup(name string, vpc *ec2.Vpc, in ec2.SecurityGroupIngressArray, out ec2.SecurityGroupEgressArray) *ec2.SecurityGroup {
	return add(s, ec2.NewSecurityGroup, name, &ec2.SecurityGroupArgs{
		Description: pulumi.String("Headcount " + s.Stack + ": " + name), VpcId: vpc.ID(),
		Ingress: in, Egress: out, Tags: s.called(s.names.Prefix() + "-" + name),
	})
}
