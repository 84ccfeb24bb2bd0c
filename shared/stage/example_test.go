package stage_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/shared/stage"
)

// next is the queue behind the stage: it prints what the next stage would read.
type next struct{}

func (next) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		m := queue.Message{Body: *e.MessageBody, Attributes: map[string]string{}}
		for name, a := range e.MessageAttributes {
			m.Attributes[name] = *a.StringValue
		}
		records, err := pack.Open(&m)
		if err != nil {
			return nil, err
		}
		for r := range records {
			fmt.Println(r.Origin.MessageID, r.Index, r.Payload)
		}
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

// A stage is a function of one record. This one sends on each word of a record in
// capitals, and rejects numbers. The queue, packs, the quarantine, alerts, metrics
// and what happens after a panic are not its business.
//
// A service calls Run in place of Handle, which finds the queues in the
// environment.
func Example() {
	s := stage.Stage{
		New: func() stage.Func { return capitals },
		Observe: func(messageID string, index int, fault event.Fault) {
			if fault != (event.Fault{}) {
				fmt.Println(messageID, index, "is rejected:", fault.Category)
			}
		},
		Output: queue.Sender{API: next{}, QueueURL: "http://127.0.0.1/next"},
	}
	outcomes := s.Handle(context.Background(), []queue.Message{
		{ID: "m-1", Body: "some words"},
		{ID: "m-2", Body: "and 12"},
	})
	fmt.Println(outcomes)
	// Output:
	// m-1 0 SOME
	// m-1 1 WORDS
	// m-2 0 AND
	// [<nil> event 1 of message m-2 is invalid_value: the stage has no quarantine]
}

func capitals(r *pack.Record, out *stage.Out) {
	for word := range bytes.FieldsSeq([]byte(r.Payload)) {
		if strings.Trim(string(word), "0123456789") == "" {
			out.Reject(event.Fault{Category: event.InvalidValue}, event.ConsentUnknown, string(word))
			continue
		}
		out.Send(bytes.ToUpper(word))
	}
}
