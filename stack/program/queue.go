package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/stack/policy"
)

const day = 24 * 60 * 60 // seconds

const (
	// retention is how long any queue holds a message: SQS's longest. A dead letter's
	// age counts from when it was first sent
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html):
	// a shorter time in the queue before would only lose what waits there.
	retention = 14 * day
	// keyReuse is for how long SQS uses a data key before it asks KMS again.
	keyReuse = 300
)

// Queue is an SQS queue with its dead-letter queue.
type Queue struct {
	pulumi.ResourceState

	// Name is that of the queue in AWS; the dead-letter queue's ends in -dlq.
	Name       string
	Main, Dead *sqs.Queue
	Policy     *sqs.QueuePolicy
}

// QueueArgs says what a queue is for.
type QueueArgs struct {
	// Name is the queue's name in AWS.
	Name string
	// VisibilitySeconds is the visibility timeout.
	VisibilitySeconds int
	// Source is the topic that may send to the queue; nil is none.
	Source *sns.Topic
}

// newQueue creates a queue.
func (s *stack) newQueue(name string, args *QueueArgs, more ...pulumi.ResourceOption) *Queue {
	q := &Queue{Name: args.Name}
	s.component("Queue", name, q, more...)
	own := pulumi.Parent(q)
	// What the topic cannot deliver goes to the dead-letter queue at once, so it
	// may send there too.
	q.Dead, _ = s.sqsQueue(name+"-dlq", args.Name+"-dlq", args, own)
	q.Main, q.Policy = s.sqsQueue(name, args.Name, args, own)
	// Resources of their own, since each of the two queues names the other.
	add(s, sqs.NewRedrivePolicy, name, &sqs.RedrivePolicyArgs{QueueUrl: q.Main.Url, RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{
		"deadLetterTargetArn": q.Dead.Arn, "maxReceiveCount": pulumi.Int(queue.MaxReceives),
	})}, own)
	add(s, sqs.NewRedriveAllowPolicy, name, &sqs.RedriveAllowPolicyArgs{QueueUrl: q.Dead.Url, RedriveAllowPolicy: pulumi.JSONMarshal(pulumi.Map{
		"redrivePermission": pulumi.String("byQueue"), "sourceQueueArns": pulumi.StringArray{q.Main.Arn},
	})}, own)
	check(s.ctx.RegisterResourceOutputs(q, pulumi.Map{"url": q.Main.Url, "deadLetterUrl": q.Dead.Url}))
	return q
}

// sqsQueue creates one queue, and the policy that lets the topic send, and nobody
// come without TLS. Roles of the account have policies of their own.
func (s *stack) sqsQueue(logical, name string, args *QueueArgs, more ...pulumi.ResourceOption) (*sqs.Queue, *sqs.QueuePolicy) {
	q := add(s, sqs.NewQueue, logical, &sqs.QueueArgs{
		Name:                         pulumi.String(name),
		KmsMasterKeyId:               s.key.Arn,
		KmsDataKeyReusePeriodSeconds: pulumi.Int(keyReuse),
		MaxMessageSize:               pulumi.Int(queue.MaxMessageBytes),
		MessageRetentionSeconds:      pulumi.Int(retention),
		ReceiveWaitTimeSeconds:       pulumi.Int(20), // SQS's longest: an idle queue costs least
		VisibilityTimeoutSeconds:     pulumi.Int(args.VisibilitySeconds),
	}, more...)
	document := policy.Document{policy.TLSOnly("sqs:*", q.Arn)}
	if args.Source != nil {
		document = append(document, policy.Statement{
			Sid: "Topic", Services: []string{"sns.amazonaws.com"}, Actions: []string{"sqs:SendMessage"},
			Resources: []pulumi.StringInput{q.Arn}, Conditions: policy.Conditions{"ArnEquals": {"aws:SourceArn": args.Source.Arn}},
		})
	}
	return q, add(s, sqs.NewQueuePolicy, logical, &sqs.QueuePolicyArgs{QueueUrl: q.Url, Policy: document.JSON()}, more...)
}

// receive lets a role receive and delete messages of the queue.
func (q *Queue) receive(sid string) policy.Statement {
	return policy.Statement{
		Sid: sid, Resources: []pulumi.StringInput{q.Main.Arn},
		Actions: []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"},
	}
}

// send lets a role put messages into the queue.
func (q *Queue) send(sid string) policy.Statement {
	return policy.Statement{Sid: sid, Resources: []pulumi.StringInput{q.Main.Arn}, Actions: []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}}
}

// bury lets a role put messages into the queue's dead-letter queue.
func (q *Queue) bury(sid string) policy.Statement {
	return policy.Statement{Sid: sid, Resources: []pulumi.StringInput{q.Dead.Arn}, Actions: []string{"sqs:SendMessage"}}
}
