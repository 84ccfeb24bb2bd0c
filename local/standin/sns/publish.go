package sns

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// The limits of a message and of a batch, from the quotas of SNS.
const (
	MaxMessageBytes = 256 << 10 // body and attributes together; also of a whole batch
	maxSubject      = 100       // characters, fewer than that
)

// Message is one message to publish.
type Message struct {
	Body    string
	Subject string // of an e-mail, or empty
	// PerProtocol, if not nil, is what each protocol gets instead of Body
	// (MessageStructure=json); protocols that are not in it get Body.
	PerProtocol map[string]string
	// Attributes by name. They are those of SQS, with String.Array as a further data
	// type.
	Attributes map[string]sqs.Value

	id   string
	time time.Time
}

// Size is the message's size as the limits count it, in bytes.
func (m *Message) Size() int { return sqs.Size(m.Body, m.Attributes) }

// Check finds the first rule of SNS that the message breaks.
func (m *Message) Check() error {
	switch {
	case m.Body == "":
		return invalid("Empty message")
	case m.Size() > MaxMessageBytes:
		return invalid("Message too long")
	case !sqs.Text(m.Body):
		return invalid("Message Reason: it has characters that SNS does not let through")
	case len(m.Subject) >= maxSubject || strings.ContainsFunc(m.Subject, unicode.IsControl):
		return invalid("Subject")
	}
	for name, a := range m.Attributes {
		if a.StringValue == "" && len(a.BinaryValue) == 0 {
			return protocol.Refuse(ParameterValueInvalid,
				"The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, a.DataType)
		}
		if err := a.Check(name); err != nil {
			return protocol.Refuse(InvalidParameterValue, "Invalid parameter: %s", err)
		}
		if strings.HasSuffix(a.DataType, ".") {
			return protocol.Refuse(InvalidParameterValue,
				"The message attribute '%s' has an invalid message attribute type: it ends with a period.", name)
		}
	}
	return nil
}

// body gives what a protocol gets.
func (m *Message) body(protocol string) string {
	if text, ok := m.PerProtocol[protocol]; ok {
		return text
	}
	return m.Body
}

// Publish delivers the messages, which must have passed Check, to every
// subscription of the topic that wants them. What an
// endpoint refuses goes to the subscription's dead-letter queue. An error other
// than *protocol.Error says that this machine failed to deliver: some of the messages may
// have been delivered to some of the subscriptions.
//
// While too much waits in a delivery stream it waits too, until ctx ends. Then it
// has accepted nothing. What it has accepted it delivers without a wait, also
// when ctx ends.
func (s *Service) Publish(ctx context.Context, topicARN string, messages []*Message) error {
	if err := s.awaitRoom(ctx, topicARN, messages); err != nil {
		return err
	}
	s.publishing.RLock()
	defer s.publishing.RUnlock()
	subscriptions, err := s.to(topicARN)
	if err != nil {
		return err
	}
	if s.Observe != nil {
		s.Observe(topicARN, messages)
	}
	now := time.Now().UTC()
	for _, m := range messages {
		m.id, m.time = uuid.NewString(), now
	}
	var errs []error
	wanted := make([]*Message, 0, len(messages))
	for _, sub := range subscriptions {
		wanted = wanted[:0]
		for _, m := range messages {
			if sub.wants(m) {
				wanted = append(wanted, m)
			}
		}
		if len(wanted) == 0 {
			continue
		}
		if err := s.deliver(sub, wanted); err != nil {
			errs = append(errs, fmt.Errorf("deliver to %s: %w", sub.endpoint, err))
			continue // The other subscriptions get theirs.
		}
		s.count("deliver "+sub.protocol, topicARN, wanted)
	}
	return errors.Join(errs...)
}

// awaitRoom waits until each delivery stream that wants one of the messages has
// room. It holds no lock meanwhile, so that other topics work on.
func (s *Service) awaitRoom(ctx context.Context, topicARN string, messages []*Message) error {
	subscriptions, err := s.to(topicARN)
	if err != nil {
		return err
	}
	for _, sub := range subscriptions {
		if sub.protocol != "firehose" || !slices.ContainsFunc(messages, sub.wants) {
			continue
		}
		if err := s.streams.Await(ctx, sub.endpoint); err != nil {
			return fmt.Errorf("wait for room in %s: %w", sub.endpoint, err)
		}
	}
	return nil
}

// count counts an action. AWS bills a request by all that it carries, in chunks, and
// a delivery by the message.
func (s *Service) count(action, topicARN string, messages []*Message) {
	n := usage.Count{Messages: int64(len(messages))}
	for _, m := range messages {
		size := int64(m.Size())
		n.Units += usage.Units(size, usage.MessageChunk)
		n.Payload += size
	}
	if n.Requests = n.Messages; strings.HasPrefix(action, "Publish") {
		n.Requests, n.Units = 1, usage.Units(n.Payload, usage.MessageChunk)
	}
	s.Usage.Add(usage.Key{Service: "sns", Operation: action, Resource: topicARN[strings.LastIndexByte(topicARN, ':')+1:]}, n)
}

func (sub *subscription) wants(m *Message) bool {
	switch {
	case sub.filter == nil:
		return true
	case sub.onBody:
		return sub.filter.matches(bodyObject(m.Body))
	}
	return sub.filter.matches(attributesObject(m.Attributes))
}

// deliver hands the messages to the endpoint of a subscription. Those that it
// refuses, as a queue does that is gone, go to the subscription's dead-letter
// queue: trying again would not help. An error is one of this machine, where it
// would.
func (s *Service) deliver(sub *subscription, messages []*Message) error {
	switch sub.protocol {
	case "firehose":
		records := make([][]byte, len(messages))
		for i, m := range messages {
			records[i] = []byte(sub.form(m))
		}
		return s.streams.Add(sub.endpoint, records)
	case "email":
		return s.toMail(sub, messages)
	}
	refused := s.toQueue(sub.deadLetter, sub, s.toQueue(sub.endpoint, sub, messages))
	if len(refused) > 0 { // AWS discards them too.
		s.log.Warn().Str("subscription", sub.arn).Int("messages", len(refused)).
			Msg("discarded: the endpoint refused them, and there is no dead-letter queue that accepts them")
	}
	return nil
}

// toQueue sends the messages to a queue, in the form that the subscription wants,
// and returns those that it refuses: all, if it is not there.
func (s *Service) toQueue(arn string, sub *subscription, messages []*Message) (refused []*Message) {
	queue, err := s.queues.ByARN(arn)
	if err != nil {
		return messages
	}
	outgoing := make([]sqs.Outgoing, len(messages))
	for i, m := range messages {
		if outgoing[i].Body = sub.form(m); sub.raw {
			outgoing[i].Attributes = m.Attributes
		}
	}
	for i, result := range queue.Send(outgoing) {
		if result.Err != nil {
			refused = append(refused, messages[i])
		}
	}
	return refused
}

// form is what a subscription gets: the message as it is, or in a JSON object.
// Nothing is signed here.
func (sub *subscription) form(m *Message) string {
	if sub.raw {
		return m.body(sub.protocol)
	}
	type attribute struct{ Type, Value string }
	attributes := make(map[string]attribute, len(m.Attributes))
	for name, a := range m.Attributes {
		value := a.StringValue
		if a.IsBinary() {
			value = base64.StdEncoding.EncodeToString(a.BinaryValue)
		}
		attributes[name] = attribute{a.DataType, value}
	}
	return string(protocol.JSON(struct {
		Type, MessageId, TopicArn string //nolint:revive // AWS's names.
		Subject                   string `json:",omitempty"`
		Message, Timestamp        string
		SignatureVersion          string
		Signature                 string
		SigningCertURL            string
		UnsubscribeURL            string
		MessageAttributes         map[string]attribute `json:",omitempty"`
	}{
		Type: "Notification", MessageId: m.id, TopicArn: sub.topic, Subject: m.Subject, Message: m.body(sub.protocol),
		Timestamp: m.time.Format("2006-01-02T15:04:05.000Z"), SignatureVersion: "1", MessageAttributes: attributes,
	}))
}

// toMail appends to the file of the address, for a person to read.
func (s *Service) toMail(sub *subscription, messages []*Message) error {
	var text strings.Builder
	for _, m := range messages {
		subject := m.Subject
		if subject == "" {
			subject = "AWS Notification Message"
		}
		fmt.Fprintf(&text, "Date: %s\nTo: %s\nSubject: %s\nTopic: %s\n\n%s\n\n%s\n\n",
			m.time.Format(time.RFC1123Z), sub.endpoint, subject, sub.topic, m.body(sub.protocol), strings.Repeat("-", 72))
	}
	s.mailing.Lock()
	defer s.mailing.Unlock()
	if err := os.MkdirAll(s.mail, 0o700); err != nil {
		return fmt.Errorf("make the folder for e-mails: %w", err)
	}
	path := filepath.Join(s.mail, MailFile(sub.endpoint))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // checkEndpoint has seen it.
	if err != nil {
		return fmt.Errorf("open the file of an address: %w", err)
	}
	_, err = file.WriteString(text.String())
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write an e-mail: %w", err)
	}
	return nil
}

// MailFile names the file for an address: the address itself where it can be one,
// and otherwise with %XX in it.
func MailFile(address string) string { return url.PathEscape(address) + ".txt" }
