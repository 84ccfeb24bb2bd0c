package pipeline

import (
	cloudsns "github.com/headcount-etl/headcount/local/standin/sns"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// accepted counts what the topic has accepted: the events that go to each ingest
// queue, and those, as Firehose sees them, that go to the lake.
func accepted(messages []*cloudsns.Message) (all, forLake int64) {
	for _, m := range messages {
		body := int64(event.Count(m.Body))
		if len(m.Attributes) <= sqs.MaxAttributes { // SNS discards the others on their way to a queue
			all += eventsIn(m, body)
		}
		if goesToLake(m) {
			forLake += body
		}
	}
	return all, forLake
}

// eventsIn counts the events of a message as the validator does: a body that is
// no pack although its attributes say so is one malformed event. body is how many
// there are in its body as it is.
func eventsIn(m *cloudsns.Message, body int64) (n int64) {
	as := queue.Message{Body: m.Body, Attributes: map[string]string{}}
	for name, a := range m.Attributes {
		as.Attributes[name] = a.StringValue
	}
	if as.Attributes[pack.AttributeEncoding] == "" {
		return body
	}
	records, err := pack.Open(&as)
	if err != nil {
		return 1
	}
	for r := range records {
		n += int64(event.Count(r.Payload))
	}
	return n
}

// goesToLake is what event.LakeFilter says in SNS's language: a message without
// any attribute passes no filter on attributes (docs/adr/0011).
func goesToLake(m *cloudsns.Message) bool {
	return len(m.Attributes) > 0 && m.Attributes[pack.AttributeConsent].StringValue != "none"
}

// CloseTopic deletes the topic: nobody can publish any more, so that what is
// there can be settled and counted. Publishers get NotFound.
func (p *Pipeline) CloseTopic() { p.Cloud.SNS.DeleteTopic(p.TopicARN) }
