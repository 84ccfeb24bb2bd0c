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
	InternalError         = "InternalError"
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
	topics        map[string]*topic
	subscriptions map[string]*subscription
	mailing       sync.Mutex
	publishing    sync.RWMutex // read-held while messages are delivered
}

type topic struct {
	arn           string
	attributes    map[string]string
	subscriptions []*subscription // in the order in which they were made
}

// subscription is not changed once it stands in a topic: new attributes make a
// new one, so that a Publish sees the old ones or the new ones.
type subscription struct {
	arn, topic, protocol, endpoint string
	settings
}

// settings are a subscription's attributes: as they were given, and parsed.
type settings struct {
	given  map[string]string
	raw    bool
	filter policy // nil: everything
	onBody bool
	// deadLetter is the ARN of the queue for what the endpoint refuses, or empty.
	deadLetter string
}

// New starts without topics. E-mails are written to files in the folder mail. The
// log gets what is discarded.
func New(queues *sqs.Service, streams *firehose.Service, mail string, log zerolog.Logger) *Service {
	return &Service{
		queues: queues, streams: streams, mail: filepath.Clean(mail), log: log,
		topics: make(map[string]*topic), subscriptions: make(map[string]*subscription),
	}
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
	if t := s.topics[arn]; t != nil {
		if differ(attributes, t.attributes) {
			return "", invalid("Attributes Reason: Topic already exists with different attributes")
		}
		return arn, nil
	}
	t := &topic{arn: arn, attributes: map[string]string{}}
	maps.Copy(t.attributes, attributes)
	s.topics[arn] = t
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
	maps.DeleteFunc(s.subscriptions, func(_ string, sub *subscription) bool { return sub.topic == arn })
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
	parsed, err := parseSettings(attributes)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[topicARN]
	if t == nil {
		return "", notFound("Topic")
	}
	for _, sub := range t.subscriptions {
		if sub.protocol != protocol || sub.endpoint != endpoint {
			continue
		}
		if differ(attributes, sub.given) {
			return "", invalid("Attributes Reason: Subscription already exists with different attributes")
		}
		return sub.arn, nil
	}
	sub := &subscription{
		arn: topicARN + ":" + uuid.NewString(), topic: topicARN, protocol: protocol, endpoint: endpoint, settings: parsed,
	}
	s.subscriptions[sub.arn] = sub
	t.subscriptions = append(slices.Clone(t.subscriptions), sub)
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

func parseSettings(attributes map[string]string) (settings, error) {
	parsed := settings{given: map[string]string{}}
	maps.Copy(parsed.given, attributes)
	for name, value := range attributes {
		switch name {
		case "RawMessageDelivery":
			if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
				return parsed, invalid("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
			}
			parsed.raw = strings.EqualFold(value, "true")
		case "FilterPolicyScope":
			if value != "MessageAttributes" && value != "MessageBody" {
				return parsed, invalid("Attributes Reason: FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", value)
			}
			parsed.onBody = value == "MessageBody"
		case "RedrivePolicy":
			var policy struct {
				DeadLetterTargetARN string `json:"deadLetterTargetArn"`
			}
			if json.Unmarshal([]byte(value), &policy) != nil || !isQueueARN(policy.DeadLetterTargetARN) {
				return parsed, invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
			}
			parsed.deadLetter = policy.DeadLetterTargetARN
		case "FilterPolicy", "DeliveryPolicy", "SubscriptionRoleArn":
		default:
			return parsed, invalid("AttributeName")
		}
	}
	filter, err := parsePolicy(attributes["FilterPolicy"], parsed.onBody)
	if err != nil {
		return parsed, invalid("FilterPolicy: %s", err)
	}
	parsed.filter = filter
	return parsed, nil
}

// Unsubscribe removes a subscription. One that is not there is no error.
func (s *Service) Unsubscribe(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subscriptions[arn]
	delete(s.subscriptions, arn)
	if sub != nil {
		t := s.topics[sub.topic]
		t.subscriptions = slices.DeleteFunc(slices.Clone(t.subscriptions), func(other *subscription) bool { return other == sub })
	}
}

// SetSubscriptionAttribute changes one attribute of a subscription. An empty
// value removes it.
func (s *Service) SetSubscriptionAttribute(arn, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subscriptions[arn]
	if sub == nil {
		return notFound("Subscription")
	}
	changed := maps.Clone(sub.given)
	changed[name] = value
	if value == "" {
		delete(changed, name)
	}
	parsed, err := parseSettings(changed)
	if err != nil {
		return err
	}
	replacement := *sub
	replacement.settings = parsed
	s.subscriptions[arn] = &replacement
	t := s.topics[sub.topic]
	t.subscriptions = slices.Clone(t.subscriptions)
	t.subscriptions[slices.Index(t.subscriptions, sub)] = &replacement
	return nil
}

// to lists the subscriptions of a topic; the list is never changed.
func (s *Service) to(topicARN string) ([]*subscription, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.topics[topicARN]; t != nil {
		return t.subscriptions, nil
	}
	return nil, notFound("Topic")
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
	t := s.topics[arn]
	if t == nil {
		return nil, notFound("Topic")
	}
	all := maps.Clone(t.attributes)
	all["TopicArn"] = arn
	all["Owner"] = protocol.Account
	all["SubscriptionsConfirmed"] = strconv.Itoa(len(t.subscriptions))
	all["SubscriptionsPending"] = "0"
	all["SubscriptionsDeleted"] = "0"
	if _, ok := all["DisplayName"]; !ok {
		all["DisplayName"] = ""
	}
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
	t := s.topics[arn]
	if t == nil {
		return notFound("Topic")
	}
	t.attributes[name] = value
	return nil
}

// Subscriptions lists the ARNs of the subscriptions of a topic, or with an
// empty ARN of all topics, sorted.
func (s *Service) Subscriptions(topicARN string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var arns []string
	for arn, sub := range s.subscriptions {
		if topicARN == "" || sub.topic == topicARN {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	return arns
}

// SubscriptionAttributes gives the attributes of a subscription, as AWS's
// GetSubscriptionAttributes, and its protocol and endpoint.
func (s *Service) SubscriptionAttributes(arn string) (map[string]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sub := s.subscriptions[arn]
	if sub == nil {
		return nil, notFound("Subscription")
	}
	all := maps.Clone(sub.given)
	maps.Copy(all, map[string]string{
		"SubscriptionArn": arn, "TopicArn": sub.topic, "Protocol": sub.protocol, "Endpoint": sub.endpoint,
		"Owner": protocol.Account, "PendingConfirmation": "false", "ConfirmationWasAuthenticated": "true",
		"RawMessageDelivery": strconv.FormatBool(sub.raw),
	})
	switch {
	case sub.filter == nil:
		delete(all, "FilterPolicyScope")
	case all["FilterPolicyScope"] == "":
		all["FilterPolicyScope"] = "MessageAttributes"
	}
	return all, nil
}
