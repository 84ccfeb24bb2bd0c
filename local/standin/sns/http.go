package sns

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// Version is the parameter Version of every request to SNS.
const Version = "2010-03-31"

const pageSize = 100 // of lists, as on AWS

// Serve answers one request in SNS's query protocol, whose form has been read.
// Signatures are not checked.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, form url.Values) {
	out := &answer{}
	action := form.Get("Action")
	if err := s.run(r.Context(), action, request{form}, out); err != nil {
		WriteError(w, protocol.As(err, InternalError))
		return
	}
	out.write(w, action)
}

func (s *Service) run(ctx context.Context, action string, in request, out *answer) error {
	for _, name := range []string{"TopicArn", "TargetArn", "SubscriptionArn"} {
		if n := len(strings.Split(in.Get(name), ":")); in.Has(name) && n < 6 {
			return invalid("%s Reason: An ARN must have at least 6 elements, not %d", name, n)
		}
	}
	switch action {
	case "Publish":
		return s.publish(ctx, in, out)
	case "PublishBatch":
		return s.publishBatch(ctx, in, out)
	case "CreateTopic":
		arn, err := s.CreateTopic(in.Get("Name"), in.pairs("Attributes.entry", "key", "value"))
		out.text("TopicArn", arn)
		return err
	case "DeleteTopic":
		s.DeleteTopic(in.Get("TopicArn"))
		return nil
	case "ListTopics":
		return out.page(in, "Topics", s.Topics(), func(arn string) { out.text("TopicArn", arn) })
	case "GetTopicAttributes":
		attributes, err := s.TopicAttributes(in.Get("TopicArn"))
		out.attributes(attributes)
		return err
	case "SetTopicAttributes":
		return s.SetTopicAttribute(in.Get("TopicArn"), in.Get("AttributeName"), in.Get("AttributeValue"))
	case "Subscribe":
		arn, err := s.Subscribe(in.Get("TopicArn"), in.Get("Protocol"), in.Get("Endpoint"),
			in.pairs("Attributes.entry", "key", "value"))
		out.text("SubscriptionArn", arn)
		return err
	case "Unsubscribe":
		s.Unsubscribe(in.Get("SubscriptionArn"))
		return nil
	case "ListSubscriptions", "ListSubscriptionsByTopic":
		list, err := s.list(action, in.Get("TopicArn"))
		if err != nil {
			return err
		}
		return out.page(in, "Subscriptions", list, func(arn string) { s.describe(out, arn) })
	case "GetSubscriptionAttributes":
		attributes, err := s.SubscriptionAttributes(in.Get("SubscriptionArn"))
		out.attributes(attributes)
		return err
	case "SetSubscriptionAttributes":
		return s.SetSubscriptionAttribute(in.Get("SubscriptionArn"), in.Get("AttributeName"), in.Get("AttributeValue"))
	default:
		return protocol.Missing(InvalidAction, "sns "+action)
	}
}

func (s *Service) list(action, topicARN string) ([]string, error) {
	if action == "ListSubscriptions" {
		return s.Subscriptions(""), nil
	}
	if _, err := s.to(topicARN); err != nil {
		return nil, err
	}
	return s.Subscriptions(topicARN), nil
}

func (s *Service) describe(out *answer, arn string) {
	attributes, err := s.SubscriptionAttributes(arn)
	if err != nil {
		return // It went away a moment ago.
	}
	for _, name := range []string{"TopicArn", "Protocol", "SubscriptionArn", "Owner", "Endpoint"} {
		out.text(name, attributes[name])
	}
}

func (s *Service) publish(ctx context.Context, in request, out *answer) error {
	topic := in.Get("TopicArn")
	if topic == "" {
		topic = in.Get("TargetArn")
	}
	if topic == "" {
		return invalid("TopicArn or TargetArn Reason: no value for required parameter")
	}
	m, err := in.message("")
	if err != nil {
		return err
	}
	if err := m.Check(); err != nil {
		return err
	}
	ids, err := s.Publish(ctx, topic, []*Message{m})
	if err != nil {
		return err
	}
	s.countRequest("Publish", topic, 1, m.Size())
	out.text("MessageId", ids[0])
	return nil
}

func (s *Service) publishBatch(ctx context.Context, in request, out *answer) error {
	const entries = "PublishBatchRequestEntries.member"
	ids, size := []string{}, 0
	messages, good := []*Message{}, []string{}
	faults := map[string]error{}
	for i := 1; in.Has(member(entries, i) + ".Id"); i++ {
		id := in.Get(member(entries, i) + ".Id")
		ids = append(ids, id)
		m, err := in.message(member(entries, i) + ".")
		if err == nil {
			size += m.Size()
			err = m.Check()
		}
		if err != nil {
			faults[id] = err
			continue
		}
		messages, good = append(messages, m), append(good, id)
	}
	if err := protocol.CheckBatch(ids, size, MaxMessageBytes); err != nil {
		return err
	}
	published, err := s.Publish(ctx, in.Get("TopicArn"), messages)
	if err != nil {
		return err
	}
	s.countRequest("PublishBatch", in.Get("TopicArn"), len(ids), size)
	out.open("Successful")
	for i, id := range good {
		out.open("member")
		out.text("Id", id)
		out.text("MessageId", published[i])
		out.close("member")
	}
	out.close("Successful")
	out.open("Failed")
	for _, id := range ids {
		if err := faults[id]; err != nil {
			refusal := protocol.As(err, InternalError)
			out.open("member")
			out.text("Id", id)
			out.text("Code", refusal.Code)
			out.text("Message", refusal.Message)
			out.text("SenderFault", "true")
			out.close("member")
		}
	}
	out.close("Failed")
	return nil
}

// request reads the parameters of the query protocol.
type request struct{ url.Values }

func member(list string, i int) string { return list + "." + strconv.Itoa(i) }

// pairs reads a map: <list>.1.<key>, <list>.1.<value>, <list>.2.<key> and so on.
func (r request) pairs(list, key, value string) map[string]string {
	pairs := map[string]string{}
	for i := 1; r.Has(member(list, i) + "." + key); i++ {
		pairs[r.Get(member(list, i)+"."+key)] = r.Get(member(list, i) + "." + value)
	}
	return pairs
}

// message reads the message whose parameters begin with the prefix.
func (r request) message(prefix string) (*Message, error) {
	if r.Has(prefix+"MessageGroupId") || r.Has(prefix+"MessageDeduplicationId") {
		return nil, invalid("headcount's stand-in has no message groups and no deduplication")
	}
	m := &Message{Body: r.Get(prefix + "Message"), Subject: r.Get(prefix + "Subject")}
	if r.Has(prefix+"Subject") && m.Subject == "" {
		return nil, invalid("Subject")
	}
	list := prefix + "MessageAttributes.entry"
	for i := 1; r.Has(member(list, i) + ".Name"); i++ {
		entry := member(list, i)
		binary, err := base64.StdEncoding.DecodeString(r.Get(entry + ".Value.BinaryValue"))
		if err != nil {
			return nil, invalid("BinaryValue is not base64")
		}
		m.Attributes = append(m.Attributes, Attribute{
			Name: r.Get(entry + ".Name"), DataType: r.Get(entry + ".Value.DataType"),
			String: r.Get(entry + ".Value.StringValue"), Binary: binary,
		})
	}
	switch r.Get(prefix + "MessageStructure") {
	case "":
		return m, nil
	case "json":
		// What is no text is passed over, and the protocol gets the default.
		var each map[string]any
		err := json.Unmarshal([]byte(m.Body), &each)
		m.PerProtocol = make(map[string]string, len(each))
		for protocol, value := range each {
			if text, ok := value.(string); ok {
				m.PerProtocol[protocol] = text
			}
		}
		text, ok := m.PerProtocol["default"]
		if err != nil || !ok {
			return nil, invalid("Message Structure - No default entry in JSON message body")
		}
		m.Body = text
		return m, nil
	default:
		return nil, invalid("MessageStructure")
	}
}

// page answers a page of a sorted list; the token is the last name of the page
// before.
func (out *answer) page(in request, name string, all []string, one func(string)) error {
	last, err := base64.URLEncoding.DecodeString(in.Get("NextToken"))
	if err != nil {
		return invalid("NextToken")
	}
	page, more := protocol.Page(all, string(last), pageSize)
	out.open(name)
	for _, arn := range page {
		out.open("member")
		one(arn)
		out.close("member")
	}
	out.close(name)
	if more {
		out.text("NextToken", base64.URLEncoding.EncodeToString([]byte(page[len(page)-1])))
	}
	return nil
}
