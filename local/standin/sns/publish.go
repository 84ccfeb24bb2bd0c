package sns

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// Attribute is one message attribute; it is that of SQS, with String.Array as a
// further data type.
type Attribute = sqs.Attribute

// Message is one message to publish.
type Message struct {
	Body    string
	Subject string // of an e-mail, or empty
	// PerProtocol, if not nil, is what each protocol gets instead of Body
	// (MessageStructure=json); protocols that are not in it get Body.
	PerProtocol map[string]string
	Attributes  []Attribute

	id   string
	time time.Time
	// What filter policies are evaluated on, made when the first one asks.
	byAttributes, byBody map[string]any
	parsedBody           bool
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
	case len(m.Subject) >= maxSubject || !isPrintable(m.Subject):
		return invalid("Subject")
	}
	seen := make(map[string]bool, len(m.Attributes))
	for i := range m.Attributes {
		a := &m.Attributes[i]
		if a.String == "" && len(a.Binary) == 0 {
			return protocol.Refuse(ParameterValueInvalid, "The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", a.Name, a.DataType)
		}
		if err := a.Check(); err != nil {
			return protocol.Refuse(InvalidParameterValue, "Invalid parameter: %s", err)
		}
		if strings.HasSuffix(a.DataType, ".") {
			return protocol.Refuse(InvalidParameterValue, "The message attribute '%s' has an invalid message attribute type: it ends with a period.", a.Name)
		}
		if seen[a.Name] {
			return invalid("two message attributes are called %s", a.Name)
		}
		seen[a.Name] = true
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
// subscription of the topic that wants them, and returns their ids. What an
// endpoint refuses goes to the subscription's dead-letter queue. An error other
// than *protocol.Error says that this machine failed to deliver: some of the messages may
// have been delivered to some of the subscriptions.
//
// While too much waits in a delivery stream it waits too, until ctx ends. Then it
// has accepted nothing. What it has accepted it delivers without a wait, also
// when ctx ends.
func (s *Service) Publish(ctx context.Context, topicARN string, messages []*Message) ([]string, error) {
	if err := s.awaitRoom(ctx, topicARN, messages); err != nil {
		return nil, err
	}
	s.publishing.RLock()
	defer s.publishing.RUnlock()
	subscriptions, err := s.to(topicARN)
	if err != nil {
		return nil, err
	}
	if s.Observe != nil {
		s.Observe(topicARN, messages)
	}
	now := time.Now().UTC()
	ids := make([]string, len(messages))
	for i, m := range messages {
		m.id, m.time = uuid.NewString(), now
		ids[i] = m.id
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
		s.countDeliveries(topicARN, sub.protocol, wanted)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return ids, nil
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
		name, err := s.streams.NameInARN(sub.endpoint)
		if err != nil {
			continue // There is no such stream, which is a matter of the delivery.
		}
		if err := s.streams.Await(ctx, name); err != nil {
			return fmt.Errorf("wait for room in %s: %w", sub.endpoint, err)
		}
	}
	return nil
}

// countDeliveries counts what AWS bills by the message, in chunks.
func (s *Service) countDeliveries(topicARN, protocol string, messages []*Message) {
	n := usage.Count{Requests: int64(len(messages)), Messages: int64(len(messages))}
	for _, m := range messages {
		size := int64(m.Size())
		n.Units += usage.Units(size, usage.MessageChunk)
		n.Payload += size
	}
	s.Usage.Add(usage.Key{Service: "sns", Operation: "deliver " + protocol, Resource: nameInARN(topicARN)}, n)
}

// countRequest counts a request to publish.
func (s *Service) countRequest(action, topicARN string, messages, payload int) {
	s.Usage.Add(usage.Key{Service: "sns", Operation: action, Resource: nameInARN(topicARN)}, usage.Count{
		Requests: 1, Units: usage.Units(int64(payload), usage.MessageChunk), Messages: int64(messages), Payload: int64(payload),
	})
}

func nameInARN(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

func (sub *subscription) wants(m *Message) bool {
	switch {
	case sub.filter == nil:
		return true
	case !sub.onBody:
		if m.byAttributes == nil {
			m.byAttributes = attributesObject(m.Attributes)
		}
		return sub.filter.matches(m.byAttributes)
	default:
		if !m.parsedBody {
			m.byBody, m.parsedBody = bodyObject(m.Body), true
		}
		return sub.filter.matches(m.byBody)
	}
}

// envelope is the JSON that a subscription without raw delivery gets. Nothing
// is signed here.
func (m *Message) envelope(sub *subscription) (string, error) {
	type attribute struct{ Type, Value string }
	envelope := struct {
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
		Timestamp: m.time.Format("2006-01-02T15:04:05.000Z"), SignatureVersion: "1",
	}
	for i := range m.Attributes {
		a := &m.Attributes[i]
		if envelope.MessageAttributes == nil {
			envelope.MessageAttributes = make(map[string]attribute, len(m.Attributes))
		}
		value := a.String
		if a.IsBinary() {
			value = base64.StdEncoding.EncodeToString(a.Binary)
		}
		envelope.MessageAttributes[a.Name] = attribute{a.DataType, value}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(envelope); err != nil {
		return "", fmt.Errorf("write a notification: %w", err)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
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
	file, err := os.OpenFile(filepath.Join(s.mail, MailFile(sub.endpoint)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // MailFile is safe.
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

// MailFile names the file for an address: the address itself where it can be
// one, and otherwise what can be kept of it with a number that no
// other address has.
func MailFile(address string) string {
	safe := strings.Map(func(c rune) rune {
		if strings.ContainsRune("@._+-", c) || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return '_'
	}, address)
	safe = safe[:min(len(safe), 200)]
	if trimmed := strings.TrimLeft(safe, "."); trimmed != address {
		sum := fnv.New32a()
		_, _ = sum.Write([]byte(address)) // It never fails.
		return fmt.Sprintf("%s-%08x.txt", trimmed, sum.Sum32())
	}
	return safe + ".txt"
}
