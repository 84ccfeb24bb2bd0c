package sns

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// Version is the parameter Version of every request to SNS.
const Version = "2010-03-31"

const pageSize = 100 // of lists, as on AWS

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/"

// answer has the members of the answers to all actions, with AWS's names. Those that
// an action does not have are empty.
type answer struct {
	TopicArn, SubscriptionArn, MessageId      string   `xml:",omitempty"` //nolint:revive // AWS's names.
	Attributes                                *entries `xml:",omitempty"`
	Topics, Subscriptions, Successful, Failed *members `xml:",omitempty"`
	NextToken                                 string   `xml:",omitempty"`
}

type entries struct {
	Entry []entry `xml:"entry"`
}

type entry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type members struct {
	Member []member `xml:"member"`
}

// member is one of a list: a topic, a subscription, or what became of an entry.
type member struct {
	TopicArn, Protocol, SubscriptionArn, Owner, Endpoint string `xml:",omitempty"` //nolint:revive // AWS's names.
	Id, MessageId, Code, Message, SenderFault            string `xml:",omitempty"` //nolint:revive // AWS's names.
}

// Serve answers one request in SNS's query protocol, whose form has been read.
// Signatures are not checked.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, form url.Values) {
	action := form.Get("Action")
	result, err := s.run(r.Context(), action, request{form})
	if err != nil {
		WriteError(w, protocol.As(err))
		return
	}
	type named struct {
		XMLName xml.Name
		answer
	}
	id := uuid.NewString()
	write(w, http.StatusOK, id, struct {
		XMLName   xml.Name
		Result    named
		RequestID string `xml:"ResponseMetadata>RequestId"`
	}{xml.Name{Space: namespace, Local: action + "Response"}, named{xml.Name{Space: namespace, Local: action + "Result"}, result}, id})
}

// WriteError refuses a request in the query protocol, also for services that are
// not here.
func WriteError(w http.ResponseWriter, refusal *protocol.Error) {
	type fault struct{ Type, Code, Message string }
	id := uuid.NewString()
	write(w, refusal.HTTPStatus(), id, struct {
		XMLName   xml.Name
		Error     fault
		RequestID string `xml:"RequestId"`
	}{xml.Name{Space: namespace, Local: "ErrorResponse"}, fault{refusal.Side(), refusal.Code, refusal.Message}, id})
}

func write(w http.ResponseWriter, status int, id string, value any) {
	body, err := xml.Marshal(value)
	if err != nil { // Texts and lists of them can always be written.
		status, body = http.StatusInternalServerError, nil
	}
	protocol.Write(w, "text/xml", id, status, body)
}

func (s *Service) run(ctx context.Context, action string, in request) (out answer, err error) {
	for _, name := range []string{"TopicArn", "TargetArn", "SubscriptionArn"} {
		if n := len(strings.Split(in.Get(name), ":")); in.Has(name) && n < 6 {
			return out, invalid("%s Reason: An ARN must have at least 6 elements, not %d", name, n)
		}
	}
	topic, subscription, name, value := in.Get("TopicArn"), in.Get("SubscriptionArn"), in.Get("AttributeName"), in.Get("AttributeValue")
	switch action {
	case "Publish":
		return s.publish(ctx, in)
	case "PublishBatch":
		return s.publishBatch(ctx, in)
	case "CreateTopic":
		out.TopicArn, err = s.CreateTopic(in.Get("Name"), in.attributes())
	case "DeleteTopic":
		s.DeleteTopic(topic)
	case "ListTopics":
		out.Topics, out.NextToken, err = page(in, s.Topics(), func(arn string) member { return member{TopicArn: arn} })
	case "GetTopicAttributes":
		out.Attributes, err = sorted(s.TopicAttributes(topic))
	case "SetTopicAttributes":
		err = s.SetTopicAttribute(topic, name, value)
	case "Subscribe":
		out.SubscriptionArn, err = s.Subscribe(topic, in.Get("Protocol"), in.Get("Endpoint"), in.attributes())
	case "Unsubscribe":
		s.Unsubscribe(subscription)
	case "ListSubscriptions":
		out.Subscriptions, out.NextToken, err = page(in, s.Subscriptions(""), s.describe)
	case "ListSubscriptionsByTopic":
		if _, err = s.to(topic); err == nil {
			out.Subscriptions, out.NextToken, err = page(in, s.Subscriptions(topic), s.describe)
		}
	case "GetSubscriptionAttributes":
		out.Attributes, err = sorted(s.SubscriptionAttributes(subscription))
	case "SetSubscriptionAttributes":
		err = s.SetSubscriptionAttribute(subscription, name, value)
	default:
		err = protocol.Missing(InvalidAction, "sns "+action)
	}
	return out, err
}

func sorted(attributes map[string]string, err error) (*entries, error) {
	out := &entries{}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		out.Entry = append(out.Entry, entry{name, attributes[name]})
	}
	return out, err
}

// describe tells of a subscription. One that went away a moment ago has no more than
// its ARN.
func (s *Service) describe(arn string) member {
	a, _ := s.SubscriptionAttributes(arn)
	return member{TopicArn: a["TopicArn"], Protocol: a["Protocol"], SubscriptionArn: arn, Owner: a["Owner"], Endpoint: a["Endpoint"]}
}

// page gives a page of a sorted list.
func page(in request, all []string, one func(string) member) (list *members, next string, err error) {
	names, next, err := protocol.Page(all, in.Get("NextToken"), pageSize)
	if err != nil {
		return nil, "", invalid("NextToken")
	}
	list = &members{}
	for _, name := range names {
		list.Member = append(list.Member, one(name))
	}
	return list, next, nil
}

func (s *Service) publish(ctx context.Context, in request) (out answer, err error) {
	topic := in.Get("TopicArn")
	if topic == "" {
		topic = in.Get("TargetArn")
	}
	if topic == "" {
		return out, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	}
	m, err := in.message("")
	if err != nil {
		return out, err
	}
	messages := []*Message{m}
	if err := s.Publish(ctx, topic, messages); err != nil {
		return out, err
	}
	s.count("Publish", topic, messages)
	return answer{MessageId: m.id}, nil
}

func (s *Service) publishBatch(ctx context.Context, in request) (answer, error) {
	ids, size := []string{}, 0
	all, good := []*Message{}, []*Message{}
	done, failed := &members{}, &members{}
	for prefix, id := range in.list("PublishBatchRequestEntries.member", "Id") {
		m, err := in.message(prefix)
		ids, all, size = append(ids, id), append(all, m), size+m.Size()
		if err != nil {
			refusal := protocol.As(err)
			failed.Member = append(failed.Member, member{Id: id, Code: refusal.Code, Message: refusal.Message, SenderFault: "true"})
			continue
		}
		good = append(good, m)
		done.Member = append(done.Member, member{Id: id})
	}
	if err := protocol.CheckBatch(ids, size, MaxMessageBytes); err != nil {
		return answer{}, err
	}
	topic := in.Get("TopicArn")
	if err := s.Publish(ctx, topic, good); err != nil {
		return answer{}, err
	}
	s.count("PublishBatch", topic, all)
	for i, m := range good {
		done.Member[i].MessageId = m.id
	}
	return answer{Successful: done, Failed: failed}, nil
}

// request reads the parameters of the query protocol.
type request struct{ url.Values }

// list gives what the parameters of each element begin with, <name>.1., <name>.2. and
// so on, and the one that names an element, which each of them has.
func (r request) list(name, key string) iter.Seq2[string, string] {
	return func(yield func(prefix, value string) bool) {
		for i := 1; ; i++ {
			prefix := name + "." + strconv.Itoa(i) + "."
			if !r.Has(prefix+key) || !yield(prefix, r.Get(prefix+key)) {
				return
			}
		}
	}
}

func (r request) attributes() map[string]string {
	all := map[string]string{}
	for prefix, name := range r.list("Attributes.entry", "key") {
		all[name] = r.Get(prefix + "value")
	}
	return all
}

// message reads the message whose parameters begin with the prefix, and finds the
// first rule that it breaks; it has its size even then.
func (r request) message(prefix string) (*Message, error) {
	m := &Message{Body: r.Get(prefix + "Message"), Subject: r.Get(prefix + "Subject"), Attributes: map[string]sqs.Value{}}
	for entry, name := range r.list(prefix+"MessageAttributes.entry", "Name") {
		if _, twice := m.Attributes[name]; twice {
			return m, invalid("two message attributes are called %s", name)
		}
		binary, err := base64.StdEncoding.DecodeString(r.Get(entry + "Value.BinaryValue"))
		if err != nil {
			return m, invalid("BinaryValue is not base64")
		}
		m.Attributes[name] = sqs.Value{
			DataType: r.Get(entry + "Value.DataType"), StringValue: r.Get(entry + "Value.StringValue"), BinaryValue: binary,
		}
	}
	structure := r.Get(prefix + "MessageStructure")
	switch {
	case r.Has(prefix+"MessageGroupId") || r.Has(prefix+"MessageDeduplicationId"):
		return m, invalid("headcount's stand-in has no message groups and no deduplication")
	case r.Has(prefix+"Subject") && m.Subject == "":
		return m, invalid("Subject")
	case structure == "json":
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
			return m, invalid("Message Structure - No default entry in JSON message body")
		}
		m.Body = text
	case structure != "":
		return m, invalid("MessageStructure")
	}
	return m, m.Check()
}
