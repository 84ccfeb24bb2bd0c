package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/athena"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
)

// questions are the queries that people ask most, saved in the workgroup.
var questions = []struct{ name, description, sql string }{
	{
		"busiest-places", "The ten busiest places in the last full window of the published flow",
		`SELECT window_start, poi_name, sum(people) AS people
FROM published_headcounts
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
  AND window_end <= CAST(current_timestamp AT TIME ZONE 'UTC' AS timestamp)
GROUP BY window_start, poi_name
ORDER BY window_start DESC, people DESC
LIMIT 10`,
	},
	{
		"rejections-today", "Why events were rejected today (UTC), each once",
		`SELECT category, field, count(DISTINCT message_id || '/' || CAST("index" AS varchar)) AS events
FROM quarantine
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
GROUP BY category, field
ORDER BY events DESC`,
	},
	{
		"lag-by-platform", "How late events arrived today (UTC), by platform and version of the app",
		`SELECT platform, app_version, count(*) AS events, approx_percentile(lag_minutes, 0.5) AS median_minutes, max(lag_minutes) AS longest_minutes
FROM events_safe
WHERE year = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y') AND month = date_format(current_timestamp AT TIME ZONE 'UTC', '%m')
  AND day = date_format(current_timestamp AT TIME ZONE 'UTC', '%d')
GROUP BY platform, app_version
ORDER BY events DESC`,
	},
	{
		"suppressed-share", "How many cells of each flow are suppressed, by day: where it is most of them, windows or radii are too small",
		`SELECT flow, year, month, day, count(*) AS cells, count_if(suppressed) AS suppressed, sum(people) AS people
FROM headcounts
GROUP BY flow, year, month, day
ORDER BY year DESC, month DESC, day DESC, flow
LIMIT 100`,
	},
	{
		"flows-compared", "Two flows side by side in one day: replace v1, v2 and the day",
		`SELECT coalesce(a.window_start, b.window_start) AS window_start, coalesce(a.poi_id, b.poi_id) AS poi_id, a.people AS v1, b.people AS v2
FROM (SELECT window_start, poi_id, sum(people) AS people FROM headcounts WHERE flow = 'v1' AND year = '2026' AND month = '12' AND day = '01' GROUP BY 1, 2) a
FULL JOIN (SELECT window_start, poi_id, sum(people) AS people FROM headcounts WHERE flow = 'v2' AND year = '2026' AND month = '12' AND day = '01' GROUP BY 1, 2) b
  ON a.window_start = b.window_start AND a.poi_id = b.poi_id
WHERE a.people IS DISTINCT FROM b.people
ORDER BY 1, 2`,
	},
}

// queries is where queries run, and what somebody needs who may run them.
type queries struct {
	workgroup *athena.Workgroup
	analyst   *iam.Policy
}

// athena creates the workgroup in which all queries run, with its limits, the
// usual questions, and what an analyst may do.
func (s *stack) athena(b *buckets, database *glue.CatalogDatabase) (*queries, error) {
	workgroup, err := athena.NewWorkgroup(s.ctx, "athena", &athena.WorkgroupArgs{
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
	}, s.opts(pulumi.DependsOn([]pulumi.Resource{b.results.Policy}))...)
	if err != nil {
		return nil, err
	}
	for _, q := range questions {
		_, err := athena.NewNamedQuery(s.ctx, q.name, &athena.NamedQueryArgs{
			Name: pulumi.String(q.name), Description: pulumi.String(q.description), Database: database.Name,
			Workgroup: workgroup.Name, Query: pulumi.String(q.sql),
		}, s.opts()...)
		if err != nil {
			return nil, err
		}
	}
	analyst, err := iam.NewPolicy(s.ctx, "analyst", &iam.PolicyArgs{
		Name:        pulumi.String(s.names.Prefix() + "-analyst"),
		Description: pulumi.String("Query the headcounts of Headcount: no events, no quarantine, no partials"),
		Policy:      s.queryPolicy(b, database).JSON(),
	}, s.opts()...)
	return &queries{workgroup, analyst}, err
}

// queryPolicy lets somebody run queries in the workgroup, read their results, and
// read the headcounts.
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
		useKey(s.key),
		{Sid: "Headcounts", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{b.aggregates.objects("headcounts/")}},
	}
}
