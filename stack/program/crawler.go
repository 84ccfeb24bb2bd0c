package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/stack/policy"
)

// crawlerEdits are left to the crawler, which writes them into the table: the
// columns, and its notes. The projection's parameters stay Pulumi's. A key with a dot in
// it stands in brackets, or it would be a path
// (https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/).
var crawlerEdits = []string{
	"storageDescriptor.columns", "storageDescriptor.parameters", "storageDescriptor.numberOfBuckets",
	"parameters.CrawlerSchemaDeserializerVersion", "parameters.CrawlerSchemaSerializerVersion", "parameters.UPDATED_BY_CRAWLER",
	"parameters.averageRecordSize", "parameters.recordCount", "parameters.objectCount", "parameters.sizeKey",
	"parameters.compressionType", "parameters.typeOfData", `parameters["partition_filtering.enabled"]`,
}

// crawler creates the Glue crawler that keeps the columns of the results as the
// aggregator writes them. It runs once a day, before Europe and America get up:
// a run is billed as ten minutes at least.
func (s *stack) crawler(aggregates *Bucket, c *catalog) {
	n := s.names
	var names pulumi.StringArray
	var arns []pulumi.StringInput
	for _, of := range results.Tables {
		names, arns = append(names, c.tables[of.Name].Name), append(arns, c.tables[of.Name].Arn)
	}
	role := s.role("crawler", policy.Trust("glue.amazonaws.com", nil), policy.Document{
		aggregates.list(),
		{Sid: "Read", Actions: []string{"s3:GetObject"}, Resources: published(aggregates)},
		{Sid: "Key", Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{s.key.Arn}},
		{
			Sid: "Table",
			Actions: []string{
				"glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:UpdateTable", "glue:GetPartition", "glue:GetPartitions",
				"glue:BatchGetPartition", "glue:BatchCreatePartition", "glue:CreatePartition", "glue:UpdatePartition",
			},
			Resources: append(arns, pulumi.String(n.ARN("glue", "catalog")), c.database.Arn),
		},
		{
			Sid: "Log", Actions: []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: policy.On(n.ARN("logs", "log-group:/aws-glue/crawlers*")),
		},
	})
	// One table stays one, whatever a partition's files look like
	// (https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html).
	// By default a crawler removes what it did not write itself, so the
	// parameters of the projection too: it must only add columns
	// (https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html).
	const configuration = `{"CrawlerOutput":{"Partitions":{"AddOrUpdateBehavior":"InheritFromTable"},"Tables":{"AddOrUpdateBehavior":"MergeNewColumns"}},` +
		`"Grouping":{"TableGroupingPolicy":"CombineCompatibleSchemas"},"Version":1}`
	add(s, glue.NewCrawler, "crawler", &glue.CrawlerArgs{
		Name: pulumi.String(n.Prefix()), DatabaseName: c.database.Name, Role: role.Arn, Schedule: pulumi.String("cron(0 2 * * ? *)"),
		CatalogTargets: glue.CrawlerCatalogTargetArray{glue.CrawlerCatalogTargetArgs{
			DatabaseName: c.database.Name, Tables: names,
		}},
		Configuration: pulumi.String(configuration),
		SchemaChangePolicy: glue.CrawlerSchemaChangePolicyArgs{
			// A catalog target allows nothing else than to log what is gone.
			DeleteBehavior: pulumi.String("LOG"), UpdateBehavior: pulumi.String("UPDATE_IN_DATABASE"),
		},
	}, pulumi.DependsOn([]pulumi.Resource{role.ready}))
}
