package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/record"
)

const (
	alarmType        = "aws:cloudwatch/metricAlarm:MetricAlarm"
	bucketType       = "aws:s3/bucketV2:BucketV2"
	blockType        = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	encryptionType   = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	lifecycleType    = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	loggingType      = "aws:s3/bucketLoggingV2:BucketLoggingV2"
	ownershipType    = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
	versioningType   = "aws:s3/bucketVersioningV2:BucketVersioningV2"
	bucketPolicy     = "aws:s3/bucketPolicy:BucketPolicy"
	keyType          = "aws:kms/key:Key"
	logGroupType     = "aws:cloudwatch/logGroup:LogGroup"
	secretType       = "aws:secretsmanager/secret:Secret"
	objectType       = "aws:s3/bucketObjectv2:BucketObjectv2"
	queueType        = "aws:sqs/queue:Queue"
	allowType        = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
	redriveType      = "aws:sqs/redrivePolicy:RedrivePolicy"
	topicType        = "aws:sns/topic:Topic"
	subscriptionType = "aws:sns/topicSubscription:TopicSubscription"
	streamType       = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
	tableType        = "aws:glue/catalogTable:CatalogTable"
	crawlerType      = "aws:glue/crawler:Crawler"
	workgroupType    = "aws:athena/workgroup:Workgroup"
	serviceType      = "aws:ecs/service:Service"
	taskType         = "aws:ecs/taskDefinition:TaskDefinition"
	scaleType        = "aws:appautoscaling/policy:Policy"
	repositoryType   = "aws:ecr/repository:Repository"
	groupType        = "aws:ec2/securityGroup:SecurityGroup"
	subnetType       = "aws:ec2/subnet:Subnet"
	endpointType     = "aws:ec2/vpcEndpoint:VpcEndpoint"
	formationType    = "aws:cloudformation/stack:Stack"
	dataSetType      = "aws:quicksight/dataSet:DataSet"

	s3Destination = "extendedS3Configuration."
	conversion    = s3Destination + "dataFormatConversionConfiguration."
	athena        = "configuration."
	container     = "containerDefinitions.0."
)

var (
	ownDescription = regexp.MustCompile(`^Headcount [a-z0-9]+: (tasks|endpoints)$`)
	digest         = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	logs           = named(names.Logs)
	toFirehose     = func(r record.Resource) bool { return text(r, "protocol") == "firehose" }
	toQueues       = func(r record.Resource) bool { return text(r, "protocol") == "sqs" }
	aSchema        = func(r record.Resource) bool { return strings.HasSuffix(text(r, "databaseName"), "_delivery") }
)

// properties are the rules on single properties: the control or a name, the type,
// the path, what it must be, values that must not do, and why.
var properties = []property{
	{id: "KMS.4", kind: keyType, path: "enableKeyRotation", want: is(true), wrong: []any{false}, what: "keys are rotated"},
	{id: "KMS.3", kind: keyType, path: "deletionWindowInDays", want: is(30), wrong: []any{7.0}, what: "a key that was deleted by mistake can be restored for a month"},
	{id: "S3.8", kind: blockType, path: "blockPublicAcls", want: is(true), wrong: []any{false}, what: "buckets are closed to the public"},
	{id: "S3.8", kind: blockType, path: "blockPublicPolicy", want: is(true), wrong: []any{false}, what: "buckets are closed to the public"},
	{id: "S3.8", kind: blockType, path: "ignorePublicAcls", want: is(true), wrong: []any{false}, what: "buckets are closed to the public"},
	{id: "S3.8", kind: blockType, path: "restrictPublicBuckets", want: is(true), wrong: []any{false}, what: "buckets are closed to the public"},
	{id: "S3.12", kind: ownershipType, path: "rule.objectOwnership", want: is("BucketOwnerEnforced"), wrong: []any{"ObjectWriter"}, what: "buckets have no access lists"},
	{id: "S3.13", kind: lifecycleType, path: "rules.0.noncurrentVersionExpiration.noncurrentDays", want: atLeast(1), what: "old versions expire"},
	{id: "uploads-end", kind: lifecycleType, path: "rules.0.abortIncompleteMultipartUpload.daysAfterInitiation", want: is(1), wrong: []any{30.0}, what: "uploads that were never completed, which no list shows and which are billed, go after a day"},
	{id: "S3.17", kind: encryptionType, only: not(logs), path: "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId", want: ofKey, wrong: []any{"alias/aws/s3"}, what: "buckets are encrypted with the stack's key"},
	{id: "buckets-key", kind: encryptionType, only: not(logs), path: "rules.0.bucketKeyEnabled", want: is(true), wrong: []any{false}, what: "a bucket has a key of its own, or KMS is asked, and billed, for each object"},
	{id: "logs-encrypted", kind: encryptionType, only: logs, path: "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", want: is("AES256"), wrong: []any{"aws:kms"}, what: "S3 delivers access logs to no bucket with another key than its own"},
	{id: "buckets-versioned", kind: versioningType, path: "versioningConfiguration.status", want: is("Enabled"), wrong: []any{"Suspended"}, what: "what was overwritten can be restored"},
	{id: "logs-kept", kind: logGroupType, path: "retentionInDays", want: atLeast(1), wrong: []any{0.0}, what: "log groups forget"},
	{id: "logs-key", kind: logGroupType, path: "kmsKeyId", want: ofKey, what: "log groups are encrypted with the stack's key"},

	{id: "SQS.1", kind: queueType, path: "kmsMasterKeyId", want: ofKey, wrong: []any{"alias/aws/sqs"}, what: "queues are encrypted with the stack's key: SNS cannot use the alias of SQS"},
	{id: "queues-kept", kind: queueType, path: "messageRetentionSeconds", want: is(14 * 86400), wrong: []any{345600.0}, what: "messages are kept as long as SQS can: the age of a dead letter counts from its first sending"},
	{id: "redrive-by-queue", kind: allowType, path: "redriveAllowPolicy.redrivePermission", want: is("byQueue"), wrong: []any{"allowAll"}, what: "only its own queue may use a dead-letter queue"},
	{id: "SNS.1", kind: topicType, path: "kmsMasterKeyId", want: ofKey, wrong: []any{"alias/aws/sns"}, what: "topics are encrypted with the stack's key"},
	{id: "topics-standard", kind: topicType, path: "fifoTopic", absent: true, want: is(false), wrong: []any{true}, what: "Firehose subscribes to standard topics only"},
	{id: "lake-raw", kind: subscriptionType, only: toFirehose, path: "rawMessageDelivery", want: is(true), wrong: []any{false}, what: "Firehose gets what was published, without SNS's envelope"},
	{id: "lake-consent", kind: subscriptionType, only: toFirehose, path: "filterPolicy.consent", want: contains("anything-but:[none]"), wrong: []any{[]any{"analytics"}}, what: "what was published without consent never reaches the lake"},
	{id: "lake-filter-scope", kind: subscriptionType, only: toFirehose, path: "filterPolicyScope", want: is("MessageAttributes"), wrong: []any{"MessageBody"}, what: "the filter looks at attributes: one on bodies needs one JSON object in a message"},
	{id: "lake-redrive", kind: subscriptionType, only: toFirehose, path: "redrivePolicy.deadLetterTargetArn", want: given, what: "what Firehose does not accept goes to a dead-letter queue"},
	{id: "ingest-raw", kind: subscriptionType, only: toQueues, path: "rawMessageDelivery", want: is(true), wrong: []any{false}, what: "flows get the app's own bytes and attributes"},
	{id: "ingest-all", kind: subscriptionType, only: toQueues, path: "filterPolicy", absent: true, want: never, wrong: []any{map[string]any{"consent": []any{"analytics"}}}, what: "flows get every message: whether an event counts is decided by the event"},

	{id: "DataFirehose.1", kind: streamType, path: "serverSideEncryption.enabled", want: is(true), wrong: []any{false}, what: "the stream is encrypted"},
	{id: "stream-key", kind: streamType, path: "serverSideEncryption.keyArn", want: ofKey, wrong: []any{"alias/aws/firehose"}, what: "the stream is encrypted with the stack's key"},
	{id: "stream-buffer", kind: streamType, path: s3Destination + "bufferingSize", want: atLeast(64), wrong: []any{5.0}, what: "with conversion the buffer holds 64 MB at least; neither the provider nor cfn-lint checks it"},
	{id: "stream-uncompressed", kind: streamType, path: s3Destination + "compressionFormat", want: is("UNCOMPRESSED"), wrong: []any{"GZIP"}, what: "Parquet compresses itself; with conversion Firehose refuses another format"},
	{id: "stream-errors", kind: streamType, path: s3Destination + "errorOutputPrefix", want: func(v any) bool {
		return contains("!{firehose:error-output-type}")(v) && !strings.HasPrefix(fmt.Sprint(v), "data/")
	}, wrong: []any{"data/errors/!{firehose:error-output-type}/", "errors/"}, what: "what could not be converted lies outside of the table's folder"},
	{id: "stream-codec", kind: streamType, path: conversion + "outputFormatConfiguration.serializer", want: func(v any) bool {
		return (at(v, "parquetSerDe.compression") == "SNAPPY") != (at(v, "orcSerDe.compression") == "SNAPPY")
	}, wrong: []any{map[string]any{"parquetSerDe": map[string]any{"compression": "ZSTD"}}, map[string]any{}}, what: "there is one serializer, with a codec that it has"},
	{id: "stream-case", kind: streamType, path: conversion + "inputFormatConfiguration.deserializer.openXJsonSerDe.caseInsensitive", want: is(false), wrong: []any{true}, what: "keys in the wrong case are other keys, as in the contract"},
	{id: "stream-schema-version", kind: streamType, path: conversion + "schemaConfiguration.versionId", want: is("0"), wrong: []any{"LATEST"}, what: "the version of the schema is pinned"},
	{id: "schema-unnamed", kind: tableType, only: aSchema, path: "name", absent: true, want: never, wrong: []any{"events_schema"}, what: "Pulumi names the stream's schema: it is retained, and would meet itself on the way back to the same columns"},
	{id: "schema-occurred-at", kind: tableType, only: aSchema, path: "storageDescriptor.columns", want: contains("name:occurred_at type:string"), wrong: []any{[]any{map[string]any{"name": "occurred_at", "type": "timestamp"}}}, what: "instants are text in the lake, so that none is lost or refused"},
	{id: "no-payload", kind: tableType, path: "storageDescriptor.columns", want: func(v any) bool { return !contains("name:payload")(v) }, wrong: []any{[]any{map[string]any{"name": "payload", "type": "string"}}}, what: "no table shows what a rejected event held"},
	{id: "crawler-deletes-nothing", kind: crawlerType, path: "schemaChangePolicy.deleteBehavior", want: is("LOG"), wrong: []any{"DELETE_FROM_DATABASE"}, what: "the crawler only logs what is gone"},
	{id: "crawler-one-table", kind: crawlerType, path: "configuration.Grouping.TableGroupingPolicy", want: is("CombineCompatibleSchemas"), wrong: []any{"None"}, what: "the crawler makes no second table of a partition"},
	{id: "crawler-adds", kind: crawlerType, path: "configuration.CrawlerOutput.Tables.AddOrUpdateBehavior", want: is("MergeNewColumns"), wrong: []any{"None"}, what: "else the crawler removes what it did not write, the projection (https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html)"},
	{id: "crawler-inherits", kind: crawlerType, path: "configuration.CrawlerOutput.Partitions.AddOrUpdateBehavior", want: is("InheritFromTable"), wrong: []any{"None"}, what: "a partition has the table's columns (the same page)"},
	{id: "crawler-daily", kind: crawlerType, path: "schedule", want: func(v any) bool {
		fields := strings.Fields(strings.Trim(fmt.Sprint(v), "cron()"))
		return len(fields) == 6 && !strings.ContainsAny(fields[0]+fields[1], "*/,-")
	}, wrong: []any{"cron(0 * * * ? *)"}, what: "a run of the crawler is billed as ten minutes at least"},

	{id: "Athena.4", kind: workgroupType, path: athena + "publishCloudwatchMetricsEnabled", want: is(true), wrong: []any{false}, what: "the workgroup's metrics are published"},
	{id: "athena-enforced", kind: workgroupType, path: athena + "enforceWorkgroupConfiguration", want: is(true), wrong: []any{false}, what: "no query can use other limits than the workgroup's"},
	{id: "athena-cutoff", kind: workgroupType, path: athena + "bytesScannedCutoffPerQuery", want: atLeast(10485760), wrong: []any{1.0}, what: "a query that scans too much is cancelled; Athena's least limit is 10 MiB"},
	{id: "athena-encrypted", kind: workgroupType, path: athena + "resultConfiguration.encryptionConfiguration.encryptionOption", want: is("SSE_KMS"), wrong: []any{"SSE_S3", "CSE_KMS"}, what: "results are encrypted by KMS: with another option Athena uses no key of the stack"},
	{id: "athena-key", kind: workgroupType, path: athena + "resultConfiguration.encryptionConfiguration.kmsKeyArn", want: ofKey, wrong: []any{"alias/aws/s3"}, what: "results are encrypted with the stack's key"},

	{id: "ECR.1", kind: repositoryType, path: "imageScanningConfiguration.scanOnPush", want: is(true), wrong: []any{false}, what: "images are scanned; the basic scan knows no images without an operating system (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html): for these there is govulncheck, in .github/workflows"},
	{id: "ECR.2", kind: repositoryType, path: "imageTagMutability", want: is("IMMUTABLE"), wrong: []any{"MUTABLE"}, what: "a tag stays the image that it was"},
	{id: "ECR.3", kind: "aws:ecr/lifecyclePolicy:LifecyclePolicy", path: "policy.rules.0.action.type", want: is("expire"), what: "old images go"},
	{id: "ECS.12", kind: "aws:ecs/cluster:Cluster", path: "settings.0.value", want: is("enabled"), wrong: []any{"disabled"}, what: "Container Insights is on: scaling and alarms need its metrics"},
	{id: "ECS.1", kind: taskType, path: "networkMode", want: is("awsvpc"), wrong: []any{"host"}, what: "tasks have a network interface of their own"},
	{id: "ECS.2", kind: serviceType, path: "networkConfiguration.assignPublicIp", want: is(false), wrong: []any{true}, what: "tasks have no public address"},
	{id: "ECS.3", kind: taskType, path: "pidMode", absent: true, want: is("task"), wrong: []any{"host"}, what: "tasks do not see other processes"},
	{id: "ECS.4", kind: taskType, path: container + "privileged", want: is(false), wrong: []any{true}, what: "containers are not privileged"},
	{id: "ECS.5", kind: taskType, path: container + "readonlyRootFilesystem", want: is(true), wrong: []any{false}, what: "containers cannot write to their root"},
	{id: "ECS.8", kind: taskType, path: container + "environment", want: func(v any) bool {
		return !contains("MASKING_KEYS")(v) && !contains("AWS_SECRET")(v) && !contains("AWS_ACCESS")(v)
	}, wrong: []any{[]any{map[string]any{"name": "MASKING_KEYS", "value": "[]"}}}, what: "no secret is in the environment"},
	{id: "ECS.9", kind: taskType, path: container + "logConfiguration.options.awslogs-group", want: given, what: "containers log"},
	{id: "ECS.10", kind: serviceType, path: "platformVersion", want: is("LATEST"), wrong: []any{"1.3.0"}, what: "Fargate is the latest"},
	{id: "ECS.20", kind: taskType, path: container + "user", want: is("65532:65532"), wrong: []any{"0:0", "root"}, what: "containers do not run as root"},
	{id: "tasks-no-capabilities", kind: taskType, path: container + "linuxParameters.capabilities.drop.0", want: is("ALL"), wrong: []any{"NET_RAW"}, what: "containers have no capabilities of the kernel"},
	{id: "tasks-digest", kind: taskType, path: container + "image", want: func(v any) bool { return digest.MatchString(fmt.Sprint(v)) }, wrong: []any{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/headcount-dev/masker:latest"}, what: "images are named by their digest"},
	{id: "tasks-health", kind: taskType, path: container + "healthCheck.command.0", want: is("CMD"), wrong: []any{"CMD-SHELL"}, what: "the image has no shell for a health check"},
	{id: "tasks-logs-block-nothing", kind: taskType, path: container + "logConfiguration.options.mode", want: is("non-blocking"), wrong: []any{"blocking"}, what: "logs that CloudWatch does not accept do not stop the work"},
	{id: "services-rollback", kind: serviceType, path: "deploymentCircuitBreaker.rollback", want: is(true), wrong: []any{false}, what: "a version that does not come up is rolled back"},
	{id: "services-breaker", kind: serviceType, path: "deploymentCircuitBreaker.enable", want: is(true), wrong: []any{false}, what: "a version that does not come up is given up"},
	{id: "services-waited-for", kind: serviceType, path: "waitForSteadyState", want: is(true), wrong: []any{false}, what: "an up whose version does not come up fails"},
	{id: "services-redeployed", kind: serviceType, path: "forceNewDeployment", want: is(true), wrong: []any{false}, what: "without it another capacity provider replaces the service (https://www.pulumi.com/registry/packages/aws/api-docs/ecs/service/, capacityProviderStrategies)"},

	{id: "EC2.15", kind: subnetType, path: "mapPublicIpOnLaunch", want: is(false), wrong: []any{true}, what: "subnets give out no public addresses"},
	{id: "EC2.6", kind: "aws:ec2/flowLog:FlowLog", path: "trafficType", want: func(v any) bool { return v == "REJECT" || v == "ALL" }, wrong: []any{"ACCEPT"}, what: "refused connections are logged"},
	{id: "s3-endpoint", kind: endpointType, only: named("s3"), path: "policy.Statement.0.Resource", want: contains("headcount-"), wrong: []any{[]any{"*"}}, what: "the stack's buckets are the only ones that tasks reach"},
	{id: "groups-unnamed", kind: groupType, path: "name", absent: true, want: never, wrong: []any{"headcount-dev-tasks"}, what: "a group with a fixed name cannot be replaced while network interfaces use the old one (https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/security_group#recreating-a-security-group)"},
	{id: "groups-described", kind: groupType, path: "description", want: func(v any) bool { return ownDescription.MatchString(fmt.Sprint(v)) }, wrong: []any{"Tasks: HTTPS goes out, through the NAT gateway"}, what: "another description replaces the group, so it must not depend on the settings (the same page)"},

	{id: "alarms-missing-data", kind: alarmType, path: "treatMissingData", want: func(v any) bool { return v == "notBreaching" || v == "breaching" }, wrong: []any{"missing"}, what: "every alarm says what no data means"},
	{id: "alarm-of-silence", kind: alarmType, only: named("no-input"), optional: true, path: "treatMissingData", want: is("breaching"), wrong: []any{"notBreaching"}, what: "SNS sends no metric of a topic to which nobody publishes"},
	{id: "alarms-action", kind: alarmType, path: "alarmActions.0", want: func(v any) bool { return strings.HasSuffix(fmt.Sprint(v), "-alarms") }, wrong: []any{"arn:aws:sns:eu-west-1:111122223333:headcount-dev-alerts"}, what: "every alarm publishes to the topic of alarms"},
	{id: "alarms-described", kind: alarmType, path: "alarmDescription", want: contains("docs/operations.md"), wrong: []any{""}, what: "every alarm says where its part of the operations guide is"},

	{id: "CloudFormation.4", kind: formationType, optional: true, path: "iamRoleArn", want: given, what: "CloudFormation works in a role of its own"},
	{id: "formation-on-failure", kind: formationType, optional: true, path: "onFailure", want: is("DELETE"), wrong: []any{"ROLLBACK"}, what: "a stack that could not be created is deleted: in ROLLBACK_COMPLETE it cannot be updated (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html)"},
	{id: "formation-no-parameters", kind: formationType, optional: true, path: "parameters", absent: true, want: never, wrong: []any{map[string]any{"a": "b"}}, what: "parameters of a stack would differ at every up"},
}
