package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// hash gives hexadecimal digits that depend on a resource, for the ids that AWS
// draws at random.
func hash(r Resource, digits int) string {
	sum := sha256.Sum256([]byte(r.Type + " " + r.Name))
	return hex.EncodeToString(sum[:])[:digits]
}

// Outputs gives the id of a resource and the properties that AWS makes up, in
// AWS's forms, so that what is computed of them looks as it will. Text only: all
// that the program uses is text.
func Outputs(region string, r Resource) (id string, made map[string]string) {
	name := r.Name
	for _, key := range []string{"name", "bucket", "family", "dashboardName", "url"} {
		if text, ok := r.Inputs[key].(string); ok && text != "" {
			name = text
			break
		}
	}
	arn := func(service, resource string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, region, Account, resource)
	}
	global := func(resource string) string { return "arn:aws:iam::" + Account + ":" + resource }
	switch kind := strings.TrimPrefix(r.Type, "aws:"); kind {
	case "sqs/queue:Queue":
		url := fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", region, Account, name)
		return url, map[string]string{"arn": arn("sqs", name), "url": url}
	case "sns/topic:Topic":
		return arn("sns", name), map[string]string{"arn": arn("sns", name)}
	case "secretsmanager/secret:Secret":
		return arn("secretsmanager", "secret:"+name+"-AbCdEf"), map[string]string{"arn": arn("secretsmanager", "secret:"+name+"-AbCdEf")}
	case "kms/key:Key":
		key := hash(r, 8) + "-" + hash(r, 4) + "-4000-8000-" + hash(r, 12)
		return key, map[string]string{"arn": arn("kms", "key/"+key), "keyId": key}
	case "s3/bucketV2:BucketV2":
		return name, map[string]string{"arn": "arn:aws:s3:::" + name}
	case "iam/role:Role":
		return name, map[string]string{"arn": global("role/" + name)}
	case "iam/policy:Policy":
		return global("policy/" + name), map[string]string{"arn": global("policy/" + name)}
	case "kinesis/firehoseDeliveryStream:FirehoseDeliveryStream":
		return arn("firehose", "deliverystream/"+name), map[string]string{"arn": arn("firehose", "deliverystream/"+name)}
	case "glue/catalogDatabase:CatalogDatabase":
		return Account + ":" + name, map[string]string{"arn": arn("glue", "database/"+name)}
	case "glue/catalogTable:CatalogTable":
		path := fmt.Sprint(r.Inputs["databaseName"]) + "/" + name
		made := map[string]string{"arn": arn("glue", "table/"+path)}
		if r.Inputs["name"] == nil {
			made["name"] = name // Pulumi adds random digits
		}
		return Account + ":" + path, made
	case "ecr/repository:Repository":
		return name, map[string]string{"arn": arn("ecr", "repository/"+name), "repositoryUrl": fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s", Account, region, name)}
	case "cloudwatch/logGroup:LogGroup":
		return name, map[string]string{"arn": arn("logs", "log-group:"+name)}
	case "ecs/cluster:Cluster":
		return arn("ecs", "cluster/"+name), map[string]string{"arn": arn("ecs", "cluster/"+name)}
	case "ecs/taskDefinition:TaskDefinition":
		return name, map[string]string{"arn": arn("ecs", "task-definition/"+name+":1")}
	case "ec2/vpcEndpoint:VpcEndpoint":
		return "vpce-" + hash(r, 17), map[string]string{"prefixListId": "pl-" + hash(r, 8)}
	case "pulumi:providers:aws":
		return "aws", nil
	}
	return name + "-" + hash(r, 8), nil
}

// Answer gives what AWS would answer to one of the functions that the program
// asks. Any other is an error, so that a new one is thought of.
func Answer(region, token string, args map[string]any) (map[string]any, error) {
	switch token {
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return map[string]any{"accountId": Account, "arn": "arn:aws:iam::" + Account + ":role/deploy", "userId": "deploy", "id": Account}, nil
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		// Not in order: nothing says that AWS keeps one.
		return map[string]any{"names": []any{region + "c", region + "a", region + "b"}, "zoneIds": []any{}, "groupNames": []any{}, "id": region}, nil
	case "aws:secretsmanager/getSecrets:getSecrets":
		return map[string]any{"arns": []any{}, "names": []any{}, "id": region}, nil
	case "aws:secretsmanager/getSecretVersions:getSecretVersions":
		return map[string]any{"versions": []any{
			map[string]any{"versionId": "00000000-0000-4000-8000-000000000001", "versionStages": []any{"AWSPREVIOUS"}, "createdTime": "", "lastAccessedDate": ""},
			map[string]any{"versionId": KeyVersion, "versionStages": []any{"AWSCURRENT"}, "createdTime": "", "lastAccessedDate": ""},
		}, "id": fmt.Sprint(args["secretId"])}, nil
	}
	return nil, fmt.Errorf("the function %s is not known here", token)
}
