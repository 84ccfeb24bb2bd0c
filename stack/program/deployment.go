package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/athena"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/glue"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kinesis"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/quicksight"
)

// deployment is what was created so far, for the parts that come after.
type deployment struct {
	keyRing keyRing
	// placesKeys gives the key of each flow's places in the aggregates bucket.
	placesKeys map[string]string

	key *kms.Key

	lake, aggregates, quarantine, results, logs *bucket

	events, alerts, alarms *sns.Topic
	// alarmsOpen is there when CloudWatch and Budgets may publish to alarms.
	alarmsOpen         pulumi.Resource
	publisher, analyst *iam.Policy

	database *glue.CatalogDatabase
	// deliverySchema is the table that gives Firehose its schema.
	deliveryDatabase *glue.CatalogDatabase
	deliverySchema   *glue.CatalogTable
	tables           map[string]*glue.CatalogTable
	views            []pulumi.Resource

	stream   *kinesis.FirehoseDeliveryStream
	delivery *sqs.Queue // of what SNS cannot hand to the stream

	network      network
	repositories map[string]*ecr.Repository
	cluster      *ecs.Cluster
	capacity     pulumi.Resource
	flows        []*flow

	workgroup *athena.Workgroup

	dashboardURL string
	// imported are the data sets that QuickSight imports.
	imported []quicksight.Set
}
