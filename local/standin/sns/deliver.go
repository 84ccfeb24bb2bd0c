package sns

import (
	"errors"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// deliver hands the messages to the endpoint of a subscription. Those that it
// refuses, as a queue does that is gone, go to the subscription's dead-letter
// queue: trying again would not help. An error is one of this machine, where it
// would.
func (s *Service) deliver(sub *subscription, messages []*Message) error {
	var refused []*Message
	var err error
	switch sub.protocol {
	case "sqs":
		refused, err = s.toQueue(sub.endpoint, sub, messages)
	case "firehose":
		refused, err = s.toStream(sub, messages)
	case "email":
		err = s.toMail(sub, messages)
	}
	if err != nil || len(refused) == 0 {
		return err
	}
	if refused, err = s.toQueue(sub.deadLetter, sub, refused); err != nil {
		return err
	}
	if len(refused) > 0 { // AWS discards them too.
		s.log.Warn().Str("subscription", sub.arn).Int("messages", len(refused)).Msg("discarded: the endpoint refused them, and there is no dead-letter queue that accepts them")
	}
	return nil
}

// toQueue sends the messages to a queue, in the form that the subscription wants,
// and returns those that it refuses: all, if it is not there.
func (s *Service) toQueue(arn string, sub *subscription, messages []*Message) (refused []*Message, err error) {
	queue, err := s.queues.ByARN(arn)
	if err != nil {
		return messages, nil //nolint:nilerr // There is no such queue.
	}
	outgoing := make([]sqs.Outgoing, len(messages))
	for i, m := range messages {
		if sub.raw {
			outgoing[i] = sqs.Outgoing{Body: m.body(sub.protocol), Attributes: m.Attributes}
		} else if outgoing[i].Body, err = m.envelope(sub); err != nil {
			return nil, err
		}
	}
	for i, result := range queue.Send(outgoing) {
		if result.Err != nil {
			refused = append(refused, messages[i])
		}
	}
	return refused, nil
}

// toStream puts the messages into a delivery stream, and returns those that it
// refuses: all, if it is not there.
func (s *Service) toStream(sub *subscription, messages []*Message) (refused []*Message, err error) {
	name, err := s.streams.NameInARN(sub.endpoint)
	if err != nil {
		return messages, nil //nolint:nilerr // There is no such stream.
	}
	records := make([][]byte, len(messages))
	for i, m := range messages {
		text := m.body(sub.protocol)
		if !sub.raw {
			if text, err = m.envelope(sub); err != nil {
				return nil, err
			}
		}
		records[i] = []byte(text)
	}
	err = s.streams.Add(name, records)
	var refusal *protocol.Error
	if errors.As(err, &refusal) && refusal.Code != firehose.ServiceUnavailable {
		return messages, nil
	}
	return nil, err
}
