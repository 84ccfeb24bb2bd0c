package program

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudformation"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	native "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/quicksight"
)

// shown is what QuickSight shows; nothing where it is left out.
type shown struct {
	url string
	// imported are the data sets that QuickSight imports.
	imported []quicksight.Set
}

// quickSight creates the data sets and their refresh natively, and what this
// version of the provider cannot express, the data source with its role, the
// analysis and the dashboard, by CloudFormation.
func (s *stack) quickSight(b *buckets, c *catalog, workgroup pulumi.Resource) (*shown, error) {
	if s.QuickSightPrincipal == "" {
		return &shown{}, s.ctx.Log.Info("QuickSight is left out: headcount:quickSightPrincipal does not say who is to see the dashboard", nil)
	}
	role, err := newRole(s.ctx, s.names, "quicksight", policy.Trust("quicksight.amazonaws.com"), s.quickSightPolicy(b, c), s.opts()...)
	if err != nil {
		return nil, err
	}
	a := quicksight.Args{Names: s.names, Principal: s.QuickSightPrincipal, Author: s.QuickSightAuthor}
	former, err := s.formationRole(a, role.Role)
	if err != nil {
		return nil, err
	}
	template, err := quicksight.DataSource(a)
	if err != nil {
		return nil, err
	}
	source, err := cloudformation.NewStack(s.ctx, "quicksight-source", &cloudformation.StackArgs{
		Name: pulumi.String(a.ID() + "-quicksight-source"), IamRoleArn: former.Arn, TemplateBody: pulumi.String(template), OnFailure: onFailure,
	}, s.opts(pulumi.DependsOn([]pulumi.Resource{role.ready, former.ready, workgroup}))...)
	if err != nil {
		return nil, err
	}
	sets, imported, err := s.dataSets(a, append([]pulumi.Resource{source}, c.views...))
	if err != nil {
		return nil, err
	}
	url := "https://" + s.Region + ".quicksight.aws.amazon.com/sn/dashboards/" + a.ID()
	return &shown{url, imported}, s.shownDashboard(b.aggregates, a, former.Arn, sets)
}

// quickSightPolicy is what QuickSight may do for the data sets: ask, and read the
// two tables under the views. events_safe stands on the lake, so QuickSight reads
// the lake, and shows none of it but the view's columns.
func (s *stack) quickSightPolicy(b *buckets, c *catalog) policy.Document {
	return append(s.queryPolicy(b, c.database),
		policy.Statement{Sid: "Events", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{b.lake.objects("data/")}},
		policy.Statement{Sid: "Lake", Actions: []string{"s3:ListBucket", "s3:GetBucketLocation"}, Resources: policy.On(b.lake.ARN)},
	)
}

// formationRole is the role in which CloudFormation works: on what is made here,
// and on nothing else.
func (s *stack) formationRole(a quicksight.Args, query *iam.Role) (*role, error) {
	return newRole(s.ctx, s.names, "quicksight-formation", policy.Trust("cloudformation.amazonaws.com"), policy.Document{
		{
			Sid: "DataSource", Resources: policy.On(a.DataSourceARN()),
			Actions: []string{
				"quicksight:CreateDataSource", "quicksight:UpdateDataSource", "quicksight:DeleteDataSource", "quicksight:DescribeDataSource",
				"quicksight:DescribeDataSourcePermissions", "quicksight:UpdateDataSourcePermissions", "quicksight:PassDataSource",
				"quicksight:TagResource", "quicksight:UntagResource", "quicksight:ListTagsForResource",
			},
		},
		{
			Sid: "Dashboard", Resources: policy.On(a.DashboardARN(), a.DashboardARN()+"/*", a.AnalysisARN()),
			Actions: []string{
				"quicksight:CreateDashboard", "quicksight:UpdateDashboard", "quicksight:DeleteDashboard", "quicksight:DescribeDashboard", "quicksight:DescribeDashboardDefinition",
				"quicksight:DescribeDashboardPermissions", "quicksight:UpdateDashboardPermissions", "quicksight:UpdateDashboardPublishedVersion", "quicksight:UpdateDashboardLinks", "quicksight:ListDashboardVersions",
				"quicksight:CreateAnalysis", "quicksight:UpdateAnalysis", "quicksight:DeleteAnalysis", "quicksight:DescribeAnalysis", "quicksight:DescribeAnalysisDefinition",
				"quicksight:DescribeAnalysisPermissions", "quicksight:UpdateAnalysisPermissions",
				"quicksight:TagResource", "quicksight:UntagResource", "quicksight:ListTagsForResource",
			},
		},
		{
			// CloudFormation asks in which folders they are, in whatever folder that is.
			Sid: "Folders", Actions: []string{"quicksight:CreateFolderMembership", "quicksight:DeleteFolderMembership", "quicksight:ListFoldersForResource"},
			Resources: policy.On(a.DataSourceARN(), a.DashboardARN(), a.AnalysisARN(), s.names.ARN("quicksight", "folder/*")),
		},
		{
			Sid: "DataSets", Actions: []string{"quicksight:PassDataSet", "quicksight:DescribeDataSet"},
			Resources: policy.On(a.DataSetARN(quicksight.Headcounts), a.DataSetARN(quicksight.Events)),
		},
		{
			Sid: "PassRole", Actions: []string{"iam:PassRole"}, Resources: []pulumi.StringInput{query.Arn},
			Conditions: []policy.Condition{policy.Is("StringEquals", "iam:PassedToService", pulumi.String("quicksight.amazonaws.com"))},
		},
	}, s.opts()...)
}

// dataSets creates the data sets, and the refresh of those that are imported.
func (s *stack) dataSets(a quicksight.Args, needed []pulumi.Resource) (sets []pulumi.Resource, imported []quicksight.Set, err error) {
	for _, set := range quicksight.Sets() {
		args, err := quicksight.DataSetArgs(set, a)
		if err != nil {
			return nil, nil, err
		}
		created, err := native.NewDataSet(s.ctx, set.Identifier, args, s.opts(pulumi.DependsOn(needed))...)
		if err != nil {
			return nil, nil, err
		}
		sets = append(sets, created)
		schedule, err := quicksight.RefreshScheduleArgs(set, a, created.DataSetId)
		if err != nil {
			return nil, nil, err
		}
		if schedule == nil {
			continue
		}
		if _, err := native.NewRefreshSchedule(s.ctx, set.Identifier, schedule, s.opts()...); err != nil {
			return nil, nil, err
		}
		imported = append(imported, set)
	}
	return sets, imported, nil
}

// onFailure removes a stack that could not be created. It would else stay, in
// ROLLBACK_COMPLETE, which no update leaves
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html).
var onFailure = pulumi.String("DELETE")

// shownDashboard creates analysis and dashboard. Their template is too large to
// be given as it is, and lies in the bucket of the aggregates, under a name that
// changes with it.
func (s *stack) shownDashboard(aggregates *Bucket, a quicksight.Args, former pulumi.StringInput, needed []pulumi.Resource) error {
	template, err := quicksight.Dashboard(a)
	if err != nil {
		return err
	}
	args := &cloudformation.StackArgs{Name: pulumi.String(a.ID() + "-quicksight-dashboard"), IamRoleArn: former, OnFailure: onFailure}
	if len(template) <= quicksight.InlineLimit {
		args.TemplateBody = pulumi.String(template)
	} else {
		sum := sha256.Sum256(template)
		key := "quicksight/dashboard-" + hex.EncodeToString(sum[:8]) + ".json"
		object, err := s3.NewBucketObjectv2(s.ctx, "dashboard", &s3.BucketObjectv2Args{
			Bucket: aggregates.Bucket.ID(), Key: pulumi.String(key), Content: pulumi.String(template), ContentType: pulumi.String("application/json"),
		}, s.opts(pulumi.DependsOn([]pulumi.Resource{aggregates.Policy}))...)
		if err != nil {
			return err
		}
		args.TemplateUrl = pulumi.Sprintf("https://%s.s3.%s.amazonaws.com/%s", aggregates.Name, s.Region, key)
		needed = append(needed, object)
	}
	return leaf(cloudformation.NewStack(s.ctx, "quicksight-dashboard", args, s.opts(pulumi.DependsOn(needed))...))
}
