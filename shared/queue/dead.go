package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// deadLetters is the dead-letter queue of the queue that is consumed.
type deadLetters struct {
	mu  sync.Mutex
	url string // empty while it is not known
}

// bury sends the messages that are dead to the dead-letter queue. Those that it could
// not send get another outcome.
func (r *run) bury(batch []*held, errs []error) {
	var of []int
	var outs []Out
	for i, err := range errs {
		if errors.As(err, new(*DeadError)) {
			of = append(of, i)
			outs = append(outs, Out{Body: batch[i].Body, as: batch[i].as})
		}
	}
	if len(of) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(r.calling, callTimeout)
	defer cancel()
	to, err := r.deadLetterQueue(ctx)
	var failed []error // as Sender.Send gives them
	if err == nil && to != "" {
		failed = Sender{API: r.api, QueueURL: to}.Send(ctx, outs)
	}
	for n, i := range of {
		why := errors.New(errs[i].Error()) // which is not dead any more
		switch {
		case err != nil:
			errs[i] = fmt.Errorf("not sent to the dead-letter queue: %w; it is dead because %w", err, why)
		case to == "":
			errs[i] = Unprocessable(why)
		case failed != nil && failed[n] != nil:
			errs[i] = fmt.Errorf("not sent to the dead-letter queue: %w; it is dead because %w", failed[n], why)
		}
	}
}

// deadLetterQueue gives the URL of the dead-letter queue, which the queue names, "" where
// there is none. It is of the same account and region
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html),
// so that its URL is that of the queue with another name.
func (r *run) deadLetterQueue(ctx context.Context) (string, error) {
	r.dead.mu.Lock()
	defer r.dead.mu.Unlock()
	if r.dead.url != "" {
		return r.dead.url, nil
	}
	out, err := r.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &r.settings.QueueURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	if err != nil {
		return "", fmt.Errorf("get attributes of %s: %w", r.settings.QueueURL, err)
	}
	text := out.Attributes[string(types.QueueAttributeNameRedrivePolicy)]
	if text == "" {
		return "", nil
	}
	var policy struct {
		ARN string `json:"deadLetterTargetArn"`
	}
	u, err := url.Parse(r.settings.QueueURL)
	if json.Unmarshal([]byte(text), &policy) != nil || err != nil || policy.ARN == "" {
		return "", fmt.Errorf("the redrive policy of %s names no dead-letter queue: %s", r.settings.QueueURL, text)
	}
	u.Path = path.Join(path.Dir(u.Path), policy.ARN[strings.LastIndexByte(policy.ARN, ':')+1:])
	r.dead.url = u.String()
	return r.dead.url, nil
}
