package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kinesis"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/stack/policy"
)

// streamLog is where Firehose tells what it could not deliver, and why.
const streamLog = "delivery"

// lake creates the way from the topic to the lake: a Firehose stream that makes
// Parquet of JSON, the subscription that feeds it, and the queue for what SNS
// could not hand over.
func (s *stack) lake(d *deployment) error {
	log, err := s.logGroup(nil, "lake", "/headcount/"+s.Stack+"/lake", d)
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewLogStream(s.ctx, "lake", &cloudwatch.LogStreamArgs{
		LogGroupName: log.Name, Name: pulumi.String(streamLog),
	}, s.opts()...)
	if err != nil {
		return err
	}
	role, ready, err := s.role(nil, "lake", policy.Trust("firehose.amazonaws.com"), s.streamPolicy(d, log))
	if err != nil {
		return err
	}
	d.stream, err = kinesis.NewFirehoseDeliveryStream(s.ctx, "lake", &kinesis.FirehoseDeliveryStreamArgs{
		Name: pulumi.String(s.names.Stream()), Destination: pulumi.String("extended_s3"),
		ServerSideEncryption: kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs{
			Enabled: pulumi.Bool(true), KeyType: pulumi.String("CUSTOMER_MANAGED_CMK"), KeyArn: d.key.Arn,
		},
		ExtendedS3Configuration: s.destination(d, role, log),
	}, s.opts(pulumi.DependsOn([]pulumi.Resource{ready, d.lake.policy}))...)
	if err != nil {
		return err
	}
	return s.feedLake(d)
}

// streamPolicy is what the stream may do: write the lake, and read its schema.
func (s *stack) streamPolicy(d *deployment, log *cloudwatch.LogGroup) policy.Document {
	n := s.names
	return policy.Document{
		{
			Sid: "Write", Resources: []pulumi.StringInput{pulumi.String(d.lake.arn), d.lake.objects("data/"), d.lake.objects("errors/")},
			Actions: []string{"s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"},
		},
		{
			Sid: "Schema", Actions: []string{"glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"},
			Resources: []pulumi.StringInput{
				pulumi.String(n.ARN("glue", "catalog")), d.deliveryDatabase.Arn,
				pulumi.String(n.ARN("glue", "table/"+n.Database()+"_delivery/*")),
			},
		},
		{Sid: "Log", Actions: []string{"logs:PutLogEvents"}, Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", log.Arn)}},
		d.useKey(),
	}
}

// destination is how the stream writes.
func (s *stack) destination(d *deployment, role *iam.Role, log *cloudwatch.LogGroup) kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs {
	return kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs{
		BucketArn: d.lake.bucket.Arn, RoleArn: role.Arn, KmsKeyArn: d.key.Arn,
		BufferingSize: pulumi.Int(s.LakeBufferMB), BufferingInterval: pulumi.Int(s.LakeBufferSeconds),
		// Parquet compresses itself.
		CompressionFormat: pulumi.String("UNCOMPRESSED"),
		Prefix:            pulumi.String(event.LakePrefix), ErrorOutputPrefix: pulumi.String(event.LakeErrorPrefix),
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
				Serializer: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerArgs{
					ParquetSerDe: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerParquetSerDeArgs{
						Compression: pulumi.String("SNAPPY"),
					},
				},
			},
			SchemaConfiguration: kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationSchemaConfigurationArgs{
				DatabaseName: d.deliveryDatabase.Name, TableName: d.deliverySchema.Name, RoleArn: role.Arn,
				Region: pulumi.String(s.Region), CatalogId: pulumi.String(s.names.Account),
				// The first version, and the only one.
				VersionId: pulumi.String("0"),
			},
		},
	}
}

// feedLake subscribes the stream to the topic.
func (s *stack) feedLake(d *deployment) (err error) {
	d.delivery, err = s.newDeadLetters("lake-delivery-dlq", s.names.Prefix()+"-lake-delivery-dlq", d.key, d.events)
	if err != nil {
		return err
	}
	// https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html
	role, ready, err := s.role(nil, "lake-subscription", policy.Trust("sns.amazonaws.com"), policy.Document{{
		Sid: "Put", Resources: []pulumi.StringInput{d.stream.Arn},
		Actions: []string{
			"firehose:DescribeDeliveryStream", "firehose:ListDeliveryStreams", "firehose:ListTagsForDeliveryStream", "firehose:PutRecord", "firehose:PutRecordBatch",
		},
	}})
	if err != nil {
		return err
	}
	_, err = sns.NewTopicSubscription(s.ctx, "lake", &sns.TopicSubscriptionArgs{
		Topic: d.events.Arn, Protocol: pulumi.String("firehose"), Endpoint: d.stream.Arn, SubscriptionRoleArn: role.Arn,
		RawMessageDelivery: pulumi.Bool(true),
		FilterPolicyScope:  pulumi.String("MessageAttributes"), FilterPolicy: pulumi.String(event.LakeFilter),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{"deadLetterTargetArn": d.delivery.Arn}),
	}, s.opts(pulumi.DependsOn([]pulumi.Resource{ready}))...)
	return err
}
