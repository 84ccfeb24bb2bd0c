package program

import (
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kinesis"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

// streamLog is where Firehose writes what it could not deliver, and why.
const streamLog = "delivery"

// lake is the stream into the lake, and the queue for what SNS could not hand to it.
type lake struct {
	stream      *kinesis.FirehoseDeliveryStream
	deadLetters *sqs.Queue
}

// lake creates the way from the topic to the lake: a Firehose stream that makes
// Parquet or ORC of JSON, the subscription that feeds it, and the queue for what SNS
// could not hand over.
func (s *stack) lake(b *Bucket, events *sns.Topic, c *catalog) *lake {
	log := s.logGroup("lake", "/headcount/"+s.Stack+"/lake")
	to := &cloudwatch.LogStreamArgs{LogGroupName: log.Name, Name: pulumi.String(streamLog)}
	add(s, cloudwatch.NewLogStream, "lake", to)
	role := s.role("lake", policy.Trust("firehose.amazonaws.com", nil), s.streamPolicy(b, c, log))
	stream := add(s, kinesis.NewFirehoseDeliveryStream, "lake", &kinesis.FirehoseDeliveryStreamArgs{
		Name: pulumi.String(s.names.Stream()), Destination: pulumi.String("extended_s3"),
		ServerSideEncryption: kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs{
			Enabled: pulumi.Bool(true), KeyType: pulumi.String("CUSTOMER_MANAGED_CMK"), KeyArn: s.key.Arn,
		},
		ExtendedS3Configuration: s.destination(b, c, role, log),
	}, pulumi.DependsOn([]pulumi.Resource{role.ready, b.Policy}))
	return &lake{stream, s.feedLake(stream, events)}
}

// streamPolicy is what the stream may do: write the lake, and read its schema.
func (s *stack) streamPolicy(b *Bucket, c *catalog, log *cloudwatch.LogGroup) policy.Document {
	n := s.names
	return policy.Document{
		{
			Sid: "Write", Resources: []pulumi.StringInput{pulumi.String(b.ARN), b.objects("data/"), b.objects("errors/")},
			Actions: []string{"s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"},
		},
		{
			Sid: "Schema", Actions: []string{"glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"},
			Resources: []pulumi.StringInput{
				pulumi.String(n.ARN("glue", "catalog")), c.deliveryDatabase.Arn,
				pulumi.String(n.ARN("glue", "table/"+n.Database()+"_delivery/*")),
			},
		},
		{Sid: "Log", Actions: []string{"logs:PutLogEvents"}, Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", log.Arn)}},
		s.useKey(),
	}
}

// destination is how the stream writes.
func (s *stack) destination(b *Bucket, c *catalog, role *role, log *cloudwatch.LogGroup) kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs {
	return kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs{
		BucketArn: b.Bucket.Arn, RoleArn: role.Arn, KmsKeyArn: s.key.Arn,
		BufferingSize: pulumi.Int(s.LakeBufferMB), BufferingInterval: pulumi.Int(s.LakeBufferSeconds),
		// Parquet and ORC compress themselves.
		CompressionFormat: pulumi.String("UNCOMPRESSED"),
		Prefix:            pulumi.String(s.lakeFolder() + strings.TrimPrefix(event.LakePrefix, "data/")), ErrorOutputPrefix: pulumi.String(event.LakeErrorPrefix),
		CustomTimeZone: pulumi.String("UTC"),
		CloudwatchLoggingOptions: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptionsArgs{
			Enabled: pulumi.Bool(true), LogGroupName: log.Name, LogStreamName: pulumi.String(streamLog),
		},
		DataFormatConversionConfiguration: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationArgs{
			Enabled: pulumi.Bool(true),
			InputFormatConfiguration: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationInputFormatConfigurationArgs{
				Deserializer: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationInputFormatConfigurationDeserializerArgs{
					// As the contract: a key in the wrong case is another key.
					OpenXJsonSerDe: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationInputFormatConfigurationDeserializerOpenXJsonSerDeArgs{
						CaseInsensitive: pulumi.Bool(false),
					},
				},
			},
			OutputFormatConfiguration: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationArgs{
				Serializer: s.serializer(),
			},
			SchemaConfiguration: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationSchemaConfigurationArgs{
				DatabaseName: c.deliveryDatabase.Name, TableName: c.deliverySchema.Name, RoleArn: role.Arn,
				Region: pulumi.String(s.Region), CatalogId: pulumi.String(s.names.Account),
				// The first version, and the only one.
				VersionId: pulumi.String("0"),
			},
		},
	}
}

// serializer is what writes the lake's format.
func (s *stack) serializer() kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerArgs {
	snappy := pulumi.String("SNAPPY")
	if s.LakeFormat == settings.ORC {
		return kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerArgs{
			OrcSerDe: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerOrcSerDeArgs{Compression: snappy},
		}
	}
	return kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerArgs{
		ParquetSerDe: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerParquetSerDeArgs{Compression: snappy},
	}
}

// feedLake subscribes the stream to the topic, and gives the subscription's
// dead-letter queue.
func (s *stack) feedLake(stream *kinesis.FirehoseDeliveryStream, events *sns.Topic) *sqs.Queue {
	const name = "lake-delivery-dlq"
	dead, _ := s.sqsQueue(name, s.names.Prefix()+"-"+name, &QueueArgs{VisibilitySeconds: 120, Source: events})
	// https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html
	role := s.role("lake-subscription", policy.Trust("sns.amazonaws.com", nil), policy.Document{{
		Sid: "Put", Resources: []pulumi.StringInput{stream.Arn},
		Actions: []string{
			"firehose:DescribeDeliveryStream", "firehose:ListDeliveryStreams", "firehose:ListTagsForDeliveryStream", "firehose:PutRecord", "firehose:PutRecordBatch",
		},
	}})
	add(s, sns.NewTopicSubscription, "lake", &sns.TopicSubscriptionArgs{
		Topic: events.Arn, Protocol: pulumi.String("firehose"), Endpoint: stream.Arn, SubscriptionRoleArn: role.Arn,
		RawMessageDelivery: pulumi.Bool(true),
		FilterPolicyScope:  pulumi.String("MessageAttributes"), FilterPolicy: pulumi.String(event.LakeFilter),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{"deadLetterTargetArn": dead.Arn}),
	}, pulumi.DependsOn([]pulumi.Resource{role.ready}))
	return dead
}
