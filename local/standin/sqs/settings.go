package sqs

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// rule is what a queue has where an attribute is not given, and the bounds of one
// that is a number.
type rule struct {
	standard  string
	low, high int
}

// known are the attributes that a queue can be given, from the API reference of
// SetQueueAttributes. Numbers are seconds, and bytes for MaximumMessageSize. Texts
// but for RedrivePolicy are kept and given back, and change nothing here: there is
// one user, and nothing leaves the machine.
var known = map[string]rule{
	"DelaySeconds":                  {"0", 0, maxDelay},
	"MaximumMessageSize":            {strconv.Itoa(MaxMessageBytes), 1024, MaxMessageBytes},
	"MessageRetentionPeriod":        {"345600", 60, 1_209_600},
	"ReceiveMessageWaitTimeSeconds": {"0", 0, maxWait},
	"VisibilityTimeout":             {"30", 0, maxVisibility},
	"KmsMasterKeyId":                {}, "KmsDataKeyReusePeriodSeconds": {}, managedEncryption: {standard: "true"},
	"Policy": {}, "RedriveAllowPolicy": {}, "RedrivePolicy": {},
}

const managedEncryption = "SqsManagedSseEnabled"

// settings are the attributes that a queue was given. They are never changed: new
// ones take their place.
type settings map[string]string

// value gives the value of an attribute, given or by default.
func (s settings) value(name string) string {
	if given, ok := s[name]; ok {
		return given
	}
	if name == managedEncryption && s["KmsMasterKeyId"] != "" {
		return "false"
	}
	return known[name].standard
}

func (s settings) number(name string) int {
	n, _ := strconv.Atoi(s.value(name)) // with has checked it
	return n
}

func (s settings) seconds(name string) time.Duration {
	return time.Duration(s.number(name)) * time.Second
}

// with puts changes over what was given before. A policy, or another text, that is
// empty is none, as on AWS.
func (s settings) with(changes map[string]string) (settings, error) {
	all := settings{}
	maps.Copy(all, s)
	for name, value := range changes {
		rule, ok := known[name]
		n, err := strconv.Atoi(value)
		switch {
		case name == "FifoQueue" && value == "true":
			return nil, noFIFO()
		case !ok:
			return nil, unknownAttribute(name)
		case rule.high > 0 && (err != nil || n < rule.low || n > rule.high):
			return nil, protocol.Refuse(InvalidAttributeValue, "Invalid value for the parameter %s.", name)
		}
		if all[name] = value; value == "" {
			delete(all, name)
		}
	}
	_, err := all.redrive()
	return all, err
}

func noFIFO() *protocol.Error {
	return protocol.Refuse(UnsupportedOperation, "headcount's stand-in has no FIFO queues.")
}

func unknownAttribute(name string) *protocol.Error {
	return protocol.Refuse(InvalidAttributeName, "Unknown Attribute %s.", name)
}

// redrive is where messages go that were received so often without being deleted.
type redrive struct {
	target   string // ARN of the dead-letter queue; empty: they stay
	receives int
}

func (s settings) redrive() (redrive, error) {
	text, ok := s["RedrivePolicy"]
	if !ok {
		return redrive{}, nil
	}
	var policy struct {
		DeadLetterTargetARN string      `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.Number `json:"maxReceiveCount"` // as text or as a number
	}
	bad := json.Unmarshal([]byte(text), &policy)
	count, noCount := strconv.Atoi(policy.MaxReceiveCount.String())
	var err error
	switch {
	case bad != nil:
		err = badRedrive(text, "it is not a JSON object with deadLetterTargetArn and maxReceiveCount")
	case noCount != nil || count < 1 || count > 1000:
		err = badRedrive(text, "maxReceiveCount must be between 1 and 1000")
	case policy.DeadLetterTargetARN == "":
		err = badRedrive(text, "deadLetterTargetArn is missing")
	}
	return redrive{policy.DeadLetterTargetARN, count}, err
}

func badRedrive(text, reason string) *protocol.Error {
	return invalid("Value %s for parameter RedrivePolicy is invalid. Reason: %s.", text, reason)
}

// agrees reports whether every one of the wanted attributes, which have these names,
// has the value that the queue has: then creating it once more changes nothing.
func (s settings) agrees(wanted settings, names map[string]string) bool {
	mine, _ := s.redrive() // with has checked both
	other, _ := wanted.redrive()
	for name := range names {
		if s.value(name) != wanted.value(name) && (name != "RedrivePolicy" || mine != other) {
			return false
		}
	}
	return true
}

// set gives the queue these settings. It refuses a dead-letter queue that is not
// there. It may be the queue itself, as on AWS: its messages go round until they
// expire. The lock is held.
func (q *Queue) set(given settings) error {
	policy, err := given.redrive()
	if err != nil {
		return err
	}
	if policy.target != "" && q.service.queues[policy.target] == nil {
		return badRedrive(given["RedrivePolicy"], "Dead letter target does not exist")
	}
	q.settings, q.redrive, q.modified = given, policy, time.Now()
	q.wake() // dead letters may be due now, or no longer
	return nil
}

// SetAttributes changes attributes of the queue.
func (q *Queue) SetAttributes(changes map[string]string) error {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	given, err := q.settings.with(changes)
	if err != nil {
		return err
	}
	return q.set(given)
}

// Attributes gives the attributes of those names; All gives every one.
func (q *Queue) Attributes(names []string) (map[string]string, error) {
	counts := q.Counts()
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	all := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(counts.Visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(counts.NotVisible),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(counts.Delayed),
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"QueueArn":                              ARN(q.name),
	}
	for name := range known {
		all[name] = q.settings.value(name)
	}
	isAll := slices.Contains(names, "All")
	for _, name := range names {
		if _, ok := all[name]; !ok && !isAll {
			return nil, unknownAttribute(name)
		}
	}
	maps.DeleteFunc(all, func(name, value string) bool { return value == "" || !isAll && !slices.Contains(names, name) })
	return all, nil
}
