// Package sns is a stand-in for Amazon SNS: standard topics in memory, with
// subscriptions to queues, delivery streams and e-mail, raw delivery and filter
// policies, and the query protocol on top.
//
// Publish returns after the message has been delivered to every subscription
// that wants it. What an endpoint refuses goes to the subscription's dead-letter
// queue. If this machine fails, on a full disk say, Publish fails, and whoever
// publishes again delivers once more to the others: at least once, as on AWS.
//
// Service knows nothing of HTTP. Serve is the protocol.
package sns

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/mail"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// The codes of the errors that this package answers, besides those of a batch.
const (
	InvalidAction         = "InvalidAction"
	InvalidParameter      = "InvalidParameter"
	InvalidParameterValue = "InvalidParameterValue"
	NotFound              = "NotFound"
	ParameterValueInvalid = "ParameterValueInvalid"
)

// invalid refuses a parameter.
func invalid(format string, args ...any) *protocol.Error {
	return protocol.Refuse(InvalidParameter, "Invalid parameter: "+format, args...)
}

func notFound(what string) *protocol.Error {
	return &protocol.Error{Code: NotFound, Message: what + " does not exist", Status: http.StatusNotFound}
}

// Service is all topics.
type Service struct {
	// Usage counts the requests and deliveries, unless it is nil. It is set
	// before the first.
	Usage *usage.Counters
	// Observe, unless it is nil, is called with the messages that a topic
	// accepts, whoever publishes them, before any of them is delivered. It is set
	// before the first.
	Observe func(topicARN string, messages []*Message)

	queues  *sqs.Service
	streams *firehose.Service
	mail    string // folder
	log     zerolog.Logger

	mu            sync.RWMutex
	topics        map[string]map[string]string // the attributes that were given, by ARN
	subscriptions []*subscription              // in the order in which they were made
	mailing       sync.Mutex
	publishing    sync.RWMutex // read-held while messages are delivered
}

// subscription is not changed once it is there: new attributes make a new one, so
// that a Publish sees the old ones or the new ones.
type subscription struct {
	arn, topic, protocol, endpoint string

	attributes map[string]string // as they were given
	raw        bool
	filter     policy // nil: everything
	onBody     bool
	// deadLetter is the ARN of the queue for what the endpoint refuses, or empty.
	deadLetter string
}

// New starts without topics. E-mails are written to files in the folder mail. The
// log gets what is discarded.
func New(queues *sqs.Service, streams *firehose.Service, mail string, log zerolog.Logger) *Service {
	return &Service{queues: queues, streams: streams, mail: filepath.Clean(mail), log: log, topics: make(map[string]map[string]string)}
}

// ARN gives the Amazon resource name of the topic of that name.
func ARN(name string) string { return protocol.ARN("sns", name) }

// topicAttributes are those that are kept and given back.
var topicAttributes = map[string]bool{
	"DisplayName": true, "Policy": true, "DeliveryPolicy": true, "KmsMasterKeyId": true,
	"TracingConfig": true, "SignatureVersion": true,
}

func checkTopicAttributes(attributes map[string]string) error {
	for name := range attributes {
		if !topicAttributes[name] && !strings.Contains(name, "FeedbackRoleArn") && !strings.Contains(name, "FeedbackSampleRate") {
			return invalid("headcount's stand-in does not know the topic attribute %s", name)
		}
	}
	return nil
}

// CreateTopic makes a topic, or gives the one of that name, and returns its
// ARN. Attributes that differ from those of the existing one are refused.
func (s *Service) CreateTopic(name string, attributes map[string]string) (string, error) {
	if !protocol.IsName(name, 256) {
		return "", invalid("Topic Name")
	}
	if err := checkTopicAttributes(attributes); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := ARN(name)
	if given := s.topics[arn]; given != nil {
		if differ(attributes, given) {
			return "", invalid("Attributes Reason: Topic already exists with different attributes")
		}
		return arn, nil
	}
	s.topics[arn] = map[string]string{}
	maps.Copy(s.topics[arn], attributes)
	return arn, nil
}

// differ reports whether one of the wanted attributes has another value.
func differ(wanted, given map[string]string) bool {
	for name, value := range wanted {
		if given[name] != value {
			return true
		}
	}
	return false
}

// DeleteTopic removes a topic and its subscriptions. What was being published
// has been delivered when it returns. A topic that is not there is no error.
func (s *Service) DeleteTopic(arn string) {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, arn)
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(sub *subscription) bool { return sub.topic == arn })
}

// Topics lists the ARNs of the topics, sorted.
func (s *Service) Topics() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.topics))
}

// Subscribe adds a subscription to a topic and returns its ARN: to a queue
// (protocol sqs, endpoint its ARN), a delivery stream (firehose, its ARN) or an
// e-mail address (email), which needs no confirmation here. Subscribing once
// more with the same attributes gives the same ARN.
func (s *Service) Subscribe(topicARN, protocol, endpoint string, attributes map[string]string) (string, error) {
	if err := s.checkEndpoint(protocol, endpoint); err != nil {
		return "", err
	}
	made := subscription{arn: topicARN + ":" + uuid.NewString(), topic: topicARN, protocol: protocol, endpoint: endpoint}
	sub, err := made.with(attributes)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[topicARN] == nil {
		return "", notFound("Topic")
	}
	for _, other := range s.of(topicARN) {
		if other.protocol != protocol || other.endpoint != endpoint {
			continue
		}
		if differ(attributes, other.attributes) {
			return "", invalid("Attributes Reason: Subscription already exists with different attributes")
		}
		return other.arn, nil
	}
	s.subscriptions = append(s.subscriptions, sub)
	return sub.arn, nil
}

// isQueueARN reports whether the text has the form of a queue's ARN.
func isQueueARN(text string) bool {
	parts := strings.Split(text, ":")
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "sqs" && parts[5] != ""
}

func (s *Service) checkEndpoint(protocol, endpoint string) error {
	switch protocol {
	case "sqs":
		if !isQueueARN(endpoint) { // The queue need not be there, as on AWS.
			return invalid("SQS endpoint ARN")
		}
	case "firehose":
		if !s.streams.Has(endpoint) {
			return invalid("Firehose endpoint ARN: there is no such delivery stream here")
		}
	case "email":
		address, err := mail.ParseAddress(endpoint)
		if err != nil || address.Address != endpoint || len(MailFile(endpoint)) > maxFileName {
			return invalid("Email address")
		}
	default:
		return invalid("headcount's stand-in has no protocol %q, only sqs, firehose and email", protocol)
	}
	return nil
}

const maxFileName = 255 // bytes

// with is the subscription with these attributes instead of those that it has.
func (sub subscription) with(attributes map[string]string) (_ *subscription, err error) {
	sub.attributes, sub.deadLetter = map[string]string{}, ""
	maps.Copy(sub.attributes, attributes)
	sub.raw = strings.EqualFold(attributes["RawMessageDelivery"], "true")
	sub.onBody = attributes["FilterPolicyScope"] == "MessageBody"
	for name, value := range attributes {
		switch name {
		case "RawMessageDelivery":
			if !sub.raw && !strings.EqualFold(value, "false") {
				return nil, invalid("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
			}
		case "FilterPolicyScope":
			if !sub.onBody && value != "MessageAttributes" {
				return nil, invalid("Attributes Reason: FilterPolicyScope: Invalid value [%s]. "+
					"Please use either MessageBody or MessageAttributes", value)
			}
		case "RedrivePolicy":
			var policy struct {
				DeadLetterTargetARN string `json:"deadLetterTargetArn"`
			}
			if json.Unmarshal([]byte(value), &policy) != nil || !isQueueARN(policy.DeadLetterTargetARN) {
				return nil, invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
			}
			sub.deadLetter = policy.DeadLetterTargetARN
		case "FilterPolicy", "DeliveryPolicy", "SubscriptionRoleArn":
		default:
			return nil, invalid("AttributeName")
		}
	}
	if sub.filter, err = parsePolicy(attributes["FilterPolicy"], sub.onBody); err != nil {
		return nil, invalid("FilterPolicy: %s", err)
	}
	return &sub, nil
}

// Unsubscribe removes a subscription. One that is not there is no error.
func (s *Service) Unsubscribe(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(sub *subscription) bool { return sub.arn == arn })
}

// find gives the place of a subscription in the list. The lock is held.
func (s *Service) find(arn string) (int, error) {
	i := slices.IndexFunc(s.subscriptions, func(sub *subscription) bool { return sub.arn == arn })
	if i < 0 {
		return i, notFound("Subscription")
	}
	return i, nil
}

// SetSubscriptionAttribute changes one attribute of a subscription. An empty
// value removes it.
func (s *Service) SetSubscriptionAttribute(arn, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(arn)
	if err != nil {
		return err
	}
	changed := maps.Clone(s.subscriptions[i].attributes)
	if changed[name] = value; value == "" {
		delete(changed, name)
	}
	sub, err := s.subscriptions[i].with(changed)
	if err == nil {
		s.subscriptions[i] = sub
	}
	return err
}

// of lists the subscriptions of a topic, or with an empty ARN of all topics. The lock
// is held.
func (s *Service) of(topicARN string) (list []*subscription) {
	for _, sub := range s.subscriptions {
		if topicARN == "" || sub.topic == topicARN {
			list = append(list, sub)
		}
	}
	return list
}

// to lists the subscriptions of a topic that there must be.
func (s *Service) to(topicARN string) ([]*subscription, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.topics[topicARN] == nil {
		return nil, notFound("Topic")
	}
	return s.of(topicARN), nil
}

// defaultPolicy is the policy of a topic that was given none: its owner may do all.
const defaultPolicy = `{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Effect":"Allow","Sid":"__default_statement_ID",` +
	`"Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission",` +
	`"SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"ARN",` +
	`"Condition":{"StringEquals":{"AWS:SourceAccount":"` + protocol.Account + `"}}}]}`

// TopicAttributes gives the attributes of a topic, as AWS's GetTopicAttributes.
func (s *Service) TopicAttributes(arn string) (map[string]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	given, ok := s.topics[arn]
	if !ok {
		return nil, notFound("Topic")
	}
	all := map[string]string{
		"TopicArn": arn, "Owner": protocol.Account, "DisplayName": "",
		"SubscriptionsConfirmed": strconv.Itoa(len(s.of(arn))), "SubscriptionsPending": "0", "SubscriptionsDeleted": "0",
	}
	maps.Copy(all, given)
	if all["Policy"] == "" {
		all["Policy"] = strings.ReplaceAll(defaultPolicy, "ARN", arn)
	}
	return all, nil
}

// SetTopicAttribute changes one attribute of a topic.
func (s *Service) SetTopicAttribute(arn, name, value string) error {
	if err := checkTopicAttributes(map[string]string{name: value}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[arn] == nil {
		return notFound("Topic")
	}
	s.topics[arn][name] = value
	return nil
}

// Subscriptions lists the ARNs of the subscriptions of a topic, or with an
// empty ARN of all topics, sorted.
func (s *Service) Subscriptions(topicARN string) (arns []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, sub := range s.of(topicARN) {
		arns = append(arns, sub.arn)
	}
	slices.Sort(arns)
	return arns
}

// SubscriptionAttributes gives the attributes of a subscription, as AWS's
// GetSubscriptionAttributes, and its protocol and endpoint.
func (s *Service) SubscriptionAttributes(arn string) (map[string]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, err := s.find(arn)
	if err != nil {
		return nil, err
	}
	sub := s.subscriptions[i]
	all := maps.Clone(sub.attributes)
	maps.Copy(all, map[string]string{
		"SubscriptionArn": arn, "TopicArn": sub.topic, "Protocol": sub.protocol, "Endpoint": sub.endpoint,
		"Owner": protocol.Account, "PendingConfirmation": "false", "ConfirmationWasAuthenticated": "true",
		"RawMessageDelivery": strconv.FormatBool(sub.raw), "FilterPolicyScope": cmp.Or(sub.attributes["FilterPolicyScope"], "MessageAttributes"),
	})
	if sub.filter == nil {
		delete(all, "FilterPolicyScope")
	}
	return all, nil
}
