package sqs

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// settings are a queue's attributes: as the caller gave them, and parsed.
type settings struct {
	given map[string]string // over the defaults

	delay, retention, visibility, wait time.Duration

	maxBytes    int
	deadLetter  string // ARN of the dead-letter queue, or empty
	maxReceives int    // receives after which a message goes there
}

// limits of the attributes that are numbers, from the API reference of
// SetQueueAttributes. The units are seconds, and bytes for MaximumMessageSize.
var numeric = map[string]struct{ standard, low, high int }{
	"DelaySeconds":                  {0, 0, 900},
	"MaximumMessageSize":            {MaxMessageBytes, 1024, MaxMessageBytes},
	"MessageRetentionPeriod":        {345_600, 60, 1_209_600},
	"ReceiveMessageWaitTimeSeconds": {0, 0, 20},
	"VisibilityTimeout":             {30, 0, 43_200},
}

// stored are the attributes that are kept and given back but change nothing
// here: there is one user, and nothing leaves the machine.
var stored = map[string]bool{
	"Policy": true, "RedriveAllowPolicy": true, "SqsManagedSseEnabled": true,
	"KmsMasterKeyId": true, "KmsDataKeyReusePeriodSeconds": true,
}

// computed are the attributes that can only be read.
var computed = []string{
	"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed",
	"ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
}

type redrivePolicy struct {
	DeadLetterTargetARN string      `json:"deadLetterTargetArn"`
	MaxReceiveCount     json.Number `json:"maxReceiveCount"`
}

// byDefault are the attributes that have a value where none is given.
var byDefault = append(slices.Collect(maps.Keys(numeric)), managedEncryption)

const managedEncryption = "SqsManagedSseEnabled"

// value gives the value of an attribute, given or by default.
func (s *settings) value(name string) string {
	if given, ok := s.given[name]; ok {
		return given
	}
	if name == managedEncryption { // unless there is a key
		return strconv.FormatBool(s.given["KmsMasterKeyId"] == "")
	}
	if rule, isNumber := numeric[name]; isNumber {
		return strconv.Itoa(rule.standard)
	}
	return ""
}

// merge puts the changes over what was given before and parses the result. A
// policy, or another text, that is empty is none, as on AWS.
func merge(before, changes map[string]string) (settings, error) {
	all := maps.Clone(before)
	if all == nil {
		all = make(map[string]string, len(changes))
	}
	for name, value := range changes {
		if _, isNumber := numeric[name]; !isNumber && value == "" && isKnown(name) {
			delete(all, name)
			continue
		}
		all[name] = value
	}
	s := settings{given: all}
	for name := range all {
		if !isKnown(name) {
			if name == "FifoQueue" && all[name] == "true" {
				return s, protocol.Refuse(UnsupportedOperation, "headcount's stand-in has no FIFO queues.")
			}
			return s, protocol.Refuse(InvalidAttributeName, "Unknown Attribute %s.", name)
		}
	}
	if err := s.parseNumbers(); err != nil {
		return s, err
	}
	return s, s.parseRedrive()
}

// isKnown reports whether a queue can be given the attribute.
func isKnown(name string) bool {
	_, isNumber := numeric[name]
	return isNumber || stored[name] || name == "RedrivePolicy"
}

func (s *settings) parseNumbers() error {
	value := func(name string) (int, error) {
		rule := numeric[name]
		n, err := strconv.Atoi(s.value(name))
		if err != nil || n < rule.low || n > rule.high {
			return 0, protocol.Refuse(InvalidAttributeValue, "Invalid value for the parameter %s.", name)
		}
		return n, nil
	}
	for name, into := range map[string]*time.Duration{
		"DelaySeconds": &s.delay, "MessageRetentionPeriod": &s.retention,
		"ReceiveMessageWaitTimeSeconds": &s.wait, "VisibilityTimeout": &s.visibility,
	} {
		seconds, err := value(name)
		if err != nil {
			return err
		}
		*into = time.Duration(seconds) * time.Second
	}
	var err error
	s.maxBytes, err = value("MaximumMessageSize")
	return err
}

func (s *settings) parseRedrive() error {
	text, ok := s.given["RedrivePolicy"]
	if !ok {
		return nil
	}
	bad := func(reason string) error {
		return protocol.Refuse(InvalidParameterValue, "Value %s for parameter RedrivePolicy is invalid. Reason: %s.", text, reason)
	}
	var policy redrivePolicy
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return bad("it is not a JSON object with deadLetterTargetArn and maxReceiveCount")
	}
	count, err := strconv.Atoi(policy.MaxReceiveCount.String())
	if err != nil || count < 1 || count > 1000 {
		return bad("maxReceiveCount must be between 1 and 1000")
	}
	if policy.DeadLetterTargetARN == "" {
		return bad("deadLetterTargetArn is missing")
	}
	s.deadLetter, s.maxReceives = policy.DeadLetterTargetARN, count
	return nil
}

// agrees reports whether every one of these attributes has the value that the
// queue has, given or by default: then creating it once more changes nothing.
func (s *settings) agrees(wanted map[string]string) bool {
	for name, value := range wanted {
		has := s.value(name)
		if name == "RedrivePolicy" && has != value {
			other, err := merge(nil, map[string]string{name: value})
			if err != nil || other.deadLetter != s.deadLetter || other.maxReceives != s.maxReceives {
				return false
			}
			continue
		}
		if has != value {
			return false
		}
	}
	return true
}
