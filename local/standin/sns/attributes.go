package sns

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

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
