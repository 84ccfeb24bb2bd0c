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
func (s *stack) quickSight(b *buckets, c *catalog, workgroup pulumi.Resource) *shown {
	if s.QuickSightPrincipal == "" {
		check(s.ctx.Log.Info("QuickSight is left out: headcount:quickSightPrincipal does not say who is to see the dashboard", nil))
		return &shown{}
	}
	role := s.role("quicksight", policy.Trust("quicksight.amazonaws.com", nil), s.quickSightPolicy(b, c))
	a := quicksight.Args{Names: s.names, Principal: s.QuickSightPrincipal, Author: s.QuickSightAuthor}
	former := s.formationRole(a, role.Role)
	template := must(quicksight.DataSource(a))
	source := add(s, cloudformation.NewStack, "quicksight-source", &cloudformation.StackArgs{
		Name: pulumi.String(a.ID() + "-quicksight-source"), IamRoleArn: former.Arn, TemplateBody: pulumi.String(template), OnFailure: onFailure,
	}, pulumi.DependsOn([]pulumi.Resource{role.ready, former.ready, workgroup}))
	files := must(quicksight.Load())
	sets, imported := s.dataSets(files, a, append([]pulumi.Resource{source}, c.views...))
	s.shownDashboard(b.aggregates, a, must(files.Dashboard(a)), former.Arn, sets)
	return &shown{"https://" + s.Region + ".quicksight.aws.amazon.com/sn/dashboards/" + a.ID(), imported}
}

// quickSightPolicy is what QuickSight may do for the data sets: ask, and read the
// tables under the views. events_safe stands on the lake, so QuickSight reads
// the lake, and shows none of it but the view's columns.
func (s *stack) quickSightPolicy(b *buckets, c *catalog) policy.Document {
	return append(s.queryPolicy(b, c.database),
		policy.Statement{Sid: "Events", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{b.lake.objects("data/")}},
		policy.Statement{Sid: "Lake", Actions: []string{"s3:ListBucket", "s3:GetBucketLocation"}, Resources: policy.On(b.lake.ARN)},
	)
}

// formationRole is the role in which CloudFormation works: on what is made here,
// and on nothing else.
func (s *stack) formationRole(a quicksight.Args, query *iam.Role) *role {
	return s.role("quicksight-formation", policy.Trust("cloudformation.amazonaws.com", nil), policy.Document{
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
			Resources: policy.On(a.DataSetARNs()...),
		},
		{
			Sid: "PassRole", Actions: []string{"iam:PassRole"}, Resources: []pulumi.StringInput{query.Arn},
			Conditions: policy.Conditions{"StringEquals": {"iam:PassedToService": pulumi.String("quicksight.amazonaws.com")}},
		},
	})
}

// dataSets creates the data sets, and the refresh of those that are imported.
func (s *stack) dataSets(files *quicksight.Files, a quicksight.Args, needed []pulumi.Resource) (sets []pulumi.Resource, imported []quicksight.Set) {
	for _, set := range quicksight.Sets() {
		created := add(s, native.NewDataSet, set.Identifier, files.DataSetArgs(set, a), pulumi.DependsOn(needed))
		sets = append(sets, created)
		if schedule := files.RefreshScheduleArgs(set, a, created.DataSetId); schedule != nil {
			add(s, native.NewRefreshSchedule, set.Identifier, schedule)
			imported = append(imported, set)
		}
	}
	return sets, imported
}

// onFailure removes a stack that could not be created. It would else stay, in
// ROLLBACK_COMPLETE, which no update leaves
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html).
var onFailure = pulumi.String("DELETE")

// shownDashboard creates analysis and dashboard. Their template is too large to
// be given as it is, and lies in the bucket of the aggregates, under a name that
// changes with it.
func (s *stack) shownDashboard(aggregates *Bucket, a quicksight.Args, template []byte, former pulumi.StringInput, needed []pulumi.Resource) {
	sum := sha256.Sum256(template)
	key := "quicksight/dashboard-" + hex.EncodeToString(sum[:8]) + ".json"
	object := add(s, s3.NewBucketObjectv2, "dashboard", &s3.BucketObjectv2Args{
		Bucket: aggregates.Bucket.ID(), Key: pulumi.String(key), Content: pulumi.String(template), ContentType: pulumi.String("application/json"),
	}, pulumi.DependsOn([]pulumi.Resource{aggregates.Policy}))
	add(s, cloudformation.NewStack, "quicksight-dashboard", &cloudformation.StackArgs{
		Name: pulumi.String(a.ID() + "-quicksight-dashboard"), IamRoleArn: former, OnFailure: onFailure,
		TemplateUrl: pulumi.Sprintf("https://%s.s3.%s.amazonaws.com/%s", aggregates.Name, s.Region, key),
	}, pulumi.DependsOn(append(needed, object)))
}
