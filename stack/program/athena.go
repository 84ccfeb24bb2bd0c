package program

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/athena"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/stack/policy"
)

// questions are the queries that people ask most, saved in the workgroup: by name,
// the first line a comment that describes the query.
//
//go:embed questions/*.sql
var questions embed.FS

// queries is where queries run, and what somebody needs who may run them.
type queries struct {
	workgroup *athena.Workgroup
	analyst   *iam.Policy
}

// athena creates the workgroup in which all queries run, with its limits, the
// usual questions, and what an analyst may do.
func (s *stack) athena(b *buckets, database *glue.CatalogDatabase) *queries {
	workgroup := add(s, athena.NewWorkgroup, "athena", &athena.WorkgroupArgs{
		Name: pulumi.String(s.names.Workgroup()), Description: pulumi.String("Queries of Headcount " + s.Stack),
		ForceDestroy: pulumi.Bool(true), // saved queries are in the repository, results expire
		Configuration: athena.WorkgroupConfigurationArgs{
			EnforceWorkgroupConfiguration:   pulumi.Bool(true),
			PublishCloudwatchMetricsEnabled: pulumi.Bool(true),
			BytesScannedCutoffPerQuery:      pulumi.Int(s.AthenaScanLimitMB << 20),
			EngineVersion:                   athena.WorkgroupConfigurationEngineVersionArgs{SelectedEngineVersion: pulumi.String("Athena engine version 3")},
			ResultConfiguration: athena.WorkgroupConfigurationResultConfigurationArgs{
				OutputLocation: pulumi.String("s3://" + b.results.Name + "/athena/"),
				EncryptionConfiguration: athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs{
					EncryptionOption: pulumi.String("SSE_KMS"), KmsKeyArn: s.key.Arn,
				},
			},
		},
	}, pulumi.DependsOn([]pulumi.Resource{b.results.Policy}))
	for _, file := range must(fs.Glob(questions, "questions/*.sql")) {
		text := must(questions.ReadFile(file))
		name := strings.TrimSuffix(path.Base(file), ".sql")
		description, sql, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		add(s, athena.NewNamedQuery, name, &athena.NamedQueryArgs{
			Name: pulumi.String(name), Description: pulumi.String(strings.TrimPrefix(description, "-- ")), Database: database.Name,
			Workgroup: workgroup.Name, Query: pulumi.String(sql),
		})
	}
	return &queries{workgroup, add(s, iam.NewPolicy, "analyst", &iam.PolicyArgs{
		Name:        pulumi.String(s.names.Prefix() + "-analyst"),
		Description: pulumi.String("Query the results of Headcount: no events, no quarantine, no partials"),
		Policy:      s.queryPolicy(b, database).JSON(),
	})}
}

// published are the objects of the tables of results.
func published(aggregates *Bucket) (objects []pulumi.StringInput) {
	for _, table := range results.Tables {
		objects = append(objects, aggregates.objects(table.Name+"/"))
	}
	return objects
}

// queryPolicy lets somebody run queries in the workgroup, read their results, and
// read the tables of results.
func (s *stack) queryPolicy(b *buckets, database *glue.CatalogDatabase) policy.Document {
	n := s.names
	return policy.Document{
		{
			Sid: "Query", Resources: policy.On(n.ARN("athena", "workgroup/"+n.Workgroup())),
			Actions: []string{
				"athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetQueryResultsStream",
				"athena:GetWorkGroup", "athena:ListQueryExecutions", "athena:ListNamedQueries", "athena:GetNamedQuery", "athena:BatchGetNamedQuery",
			},
		},
		{
			Sid: "Catalog", Actions: []string{"athena:GetDataCatalog", "athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata"},
			Resources: policy.On(n.ARN("athena", "datacatalog/AwsDataCatalog")),
		},
		{
			Sid: "Tables", Actions: []string{"glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"},
			Resources: []pulumi.StringInput{
				pulumi.String(n.ARN("glue", "catalog")), database.Arn, pulumi.String(n.ARN("glue", "table/"+n.Database()+"/*")),
			},
		},
		{
			Sid: "Results", Actions: []string{"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
			Resources: []pulumi.StringInput{b.results.objects("athena/")},
		},
		{
			Sid: "Buckets", Actions: []string{"s3:ListBucket", "s3:GetBucketLocation"}, Resources: policy.On(b.results.ARN, b.aggregates.ARN),
		},
		s.useKey(),
		{Sid: "Published", Actions: []string{"s3:GetObject"}, Resources: published(b.aggregates)},
	}
}
