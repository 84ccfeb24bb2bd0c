package program

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/stack/policy"
)

const day = 24 * 60 * 60 // seconds

const (
	// retention is how long a queue holds what nobody takes, and
	// deadRetention, SQS's longest, a dead-letter queue. A dead letter's age
	// counts from when it was first sent, so the second must be longer
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
	retention, deadRetention = 7 * day, 14 * day
	// keyReuse is for how long SQS uses a data key before it asks KMS again.
	keyReuse = 300
)

// queueComponent is an SQS queue with its dead-letter queue.
type queueComponent struct {
	pulumi.ResourceState

	// name is that of the queue; the dead-letter queue's ends in -dlq.
	name       string
	main, dead *sqs.Queue
	policy     *sqs.QueuePolicy
}

// queueArgs says what a queue is for.
type queueArgs struct {
	// logical is the queue's name in the program, name the one in AWS.
	logical, name string
	key           *kms.Key
	// visibility is the visibility timeout in seconds.
	visibility int
	// source is the topic that may send to the queue; nil is none.
	source *sns.Topic
}

func (s *stack) newQueue(parent pulumi.Resource, a queueArgs) (*queueComponent, error) {
	q := &queueComponent{name: a.name}
	if err := s.ctx.RegisterComponentResource("headcount:stack:Queue", a.logical, q, pulumi.Parent(parent)); err != nil {
		return nil, err
	}
	var err error
	if q.dead, err = s.sqsQueue(q, a.logical+"-dlq", a.name+"-dlq", a.key, deadRetention, a.visibility); err != nil {
		return nil, err
	}
	if q.main, err = s.sqsQueue(q, a.logical, a.name, a.key, retention, a.visibility); err != nil {
		return nil, err
	}
	if q.policy, err = s.queuePolicy(q, a.logical, q.main, a.source); err != nil {
		return nil, err
	}
	// What the topic cannot deliver goes to the dead-letter queue at once.
	if _, err = s.queuePolicy(q, a.logical+"-dlq", q.dead, a.source); err != nil {
		return nil, err
	}
	// Resources of their own, since each of the two queues names the other.
	_, err = sqs.NewRedrivePolicy(s.ctx, a.logical, &sqs.RedrivePolicyArgs{
		QueueUrl: q.main.Url,
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{
			"deadLetterTargetArn": q.dead.Arn, "maxReceiveCount": pulumi.Int(queue.MaxReceives),
		}),
	}, s.under(q)...)
	if err != nil {
		return nil, err
	}
	_, err = sqs.NewRedriveAllowPolicy(s.ctx, a.logical, &sqs.RedriveAllowPolicyArgs{
		QueueUrl: q.dead.Url,
		RedriveAllowPolicy: pulumi.JSONMarshal(pulumi.Map{
			"redrivePermission": pulumi.String("byQueue"), "sourceQueueArns": pulumi.StringArray{q.main.Arn},
		}),
	}, s.under(q)...)
	if err != nil {
		return nil, err
	}
	return q, s.ctx.RegisterResourceOutputs(q, pulumi.Map{"url": q.main.Url, "deadLetterUrl": q.dead.Url})
}

// newDeadLetters creates a lone dead-letter queue, of a subscription.
func (s *stack) newDeadLetters(logical, name string, key *kms.Key, source *sns.Topic) (*sqs.Queue, error) {
	dead, err := s.sqsQueue(nil, logical, name, key, deadRetention, 120)
	if err != nil {
		return nil, err
	}
	_, err = s.queuePolicy(nil, logical, dead, source)
	return dead, err
}

func (s *stack) sqsQueue(parent pulumi.Resource, logical, name string, key *kms.Key, retention, visibility int) (*sqs.Queue, error) {
	return sqs.NewQueue(s.ctx, logical, &sqs.QueueArgs{
		Name:                         pulumi.String(name),
		KmsMasterKeyId:               key.Arn,
		KmsDataKeyReusePeriodSeconds: pulumi.Int(keyReuse),
		MaxMessageSize:               pulumi.Int(queue.MaxMessageBytes),
		MessageRetentionSeconds:      pulumi.Int(retention),
		ReceiveWaitTimeSeconds:       pulumi.Int(20), // SQS's longest: an idle queue costs least
		VisibilityTimeoutSeconds:     pulumi.Int(visibility),
	}, s.child(parent)...)
}

// child are the options of a resource that may belong to a component.
func (s *stack) child(parent pulumi.Resource) []pulumi.ResourceOption {
	if parent == nil {
		return s.opts()
	}
	return s.under(parent)
}

// queuePolicy lets the topic send, and nobody come without TLS. Roles of the
// account have policies of their own.
func (s *stack) queuePolicy(parent pulumi.Resource, logical string, q *sqs.Queue, source *sns.Topic) (*sqs.QueuePolicy, error) {
	document := policy.Document{policy.TLSOnly("sqs:*", q.Arn)}
	if source != nil {
		document = append(document, policy.Statement{
			Sid: "Topic", Services: []string{"sns.amazonaws.com"}, Actions: []string{"sqs:SendMessage"},
			Resources: []pulumi.StringInput{q.Arn}, Conditions: []policy.Condition{policy.Is("ArnEquals", "aws:SourceArn", source.Arn)},
		})
	}
	p, err := sqs.NewQueuePolicy(s.ctx, logical, &sqs.QueuePolicyArgs{QueueUrl: q.Url, Policy: document.JSON()}, s.child(parent)...)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", logical, err)
	}
	return p, nil
}

// receive lets a role take messages from the queue.
func (q *queueComponent) receive() policy.Statement {
	return policy.Statement{
		Sid: "Receive", Resources: []pulumi.StringInput{q.main.Arn},
		Actions: []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"},
	}
}

// send lets a role put messages into the queue.
func (q *queueComponent) send() policy.Statement {
	return policy.Statement{
		Sid: "Send", Resources: []pulumi.StringInput{q.main.Arn},
		Actions: []string{"sqs:SendMessage", "sqs:GetQueueAttributes"},
	}
}
