package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/shared/metrics"
)

const (
	// callsAtOnce bounds the calls that settle or renew messages in parallel.
	callsAtOnce = 8
	// deleteAttempts counts the first one. A message that cannot be deleted
	// comes back, which costs less than to wait for long.
	deleteAttempts = 4
	// renewalsPerVisibility divides the visibility timeout into ticks. Messages
	// are renewed at the third tick or later, so at a third of the timeout or
	// before, and those that are settled sooner are not renewed at all.
	renewalsPerVisibility = 12
	renewalAge            = 3
)

// renewal reports what a renewal did that began at a time: messages hidden
// anew, and messages lost, whose receipts SQS refuses: others may have them.
type renewal struct {
	at           time.Time
	hidden, lost []*held
}

// deleteAll deletes messages, and tries again what fails.
func (r *run) deleteAll(messages []*held) {
	each(messages, func(chunk []*held) {
		for _, m := range chunk {
			m.settled.Store(true)
		}
		var err error
		refused := 0
		for attempt := 0; attempt < deleteAttempts && len(chunk) > 0; attempt++ {
			if attempt > 0 {
				wait(r.calling.Done(), backoff(attempt, 100*time.Millisecond, time.Second))
			}
			var lost []*held
			chunk, lost, err = r.delete(chunk)
			refused += len(lost)
		}
		if n := len(chunk) + refused; n > 0 {
			r.settings.Log.Warn().Err(err).Int("messages", n).Msg("done but not deleted: will come again")
		}
	})
}

// delete deletes up to 10 messages. It gives those that are worth another try, and
// those whose receipt SQS refuses.
func (r *run) delete(chunk []*held) (again, refused []*held, err error) {
	ctx, cancel := context.WithTimeout(r.calling, callTimeout)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(chunk))
	for i, m := range chunk {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.receipt}
	}
	out, err := r.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &r.settings.QueueURL, Entries: entries})
	if err != nil {
		return chunk, nil, fmt.Errorf("delete messages: %w", err)
	}
	return sort(chunk, out.Failed)
}

// postpone gives messages back, to be received after a backoff, or at once.
func (r *run) postpone(messages []*held, atOnce bool) {
	each(messages, func(chunk []*held) {
		for _, m := range chunk {
			m.settled.Store(true)
		}
		_, _, err := r.hide(r.calling, chunk, func(m *held) time.Duration {
			if atOnce || r.handling.Err() != nil {
				return 0
			}
			return backoff(m.Receives, time.Second, 15*time.Minute)
		})
		if err != nil {
			r.settings.Log.Warn().Err(err).Msg("backoff not set: failed messages come again at the visibility timeout")
		}
	})
}

// giveBack makes what is neither settled nor being settled visible at once, and
// gives how many messages that are.
func (r *run) giveBack(ctx context.Context) int {
	var left []*held
	for m := range r.held {
		if m.settled.CompareAndSwap(false, true) {
			left = append(left, m)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, returnGrace)
	defer cancel()
	each(left, func(chunk []*held) {
		if _, _, err := r.hide(ctx, chunk, func(*held) time.Duration { return 0 }); err != nil {
			r.settings.Log.Warn().Err(err).Msg("not given back: messages come again at the visibility timeout")
		}
	})
	r.settings.Metrics.Add(metrics.MessagesReturned, int64(len(left)))
	return len(left)
}

// renew keeps what is held hidden. One renewal is in progress at a time.
func (r *run) renew(now time.Time) {
	if r.renewing {
		return
	}
	var due []*held
	for m := range r.held {
		if !m.lost && now.Sub(m.renewed) >= r.settings.Visibility*renewalAge/renewalsPerVisibility {
			due = append(due, m)
		}
	}
	if len(due) == 0 {
		return
	}
	r.renewing = true
	go func() {
		report := renewal{at: now}
		var mu sync.Mutex
		each(due, func(chunk []*held) {
			chunk = slices.DeleteFunc(chunk, func(m *held) bool { return m.settled.Load() })
			if len(chunk) == 0 {
				return
			}
			again, lost, err := r.hide(r.calling, chunk, func(*held) time.Duration { return r.settings.Visibility })
			if err != nil {
				r.settings.Log.Warn().Err(err).Int("messages", len(again)+len(lost)).Msg("messages not kept hidden")
			}
			mu.Lock()
			defer mu.Unlock()
			report.lost = append(report.lost, lost...)
			for _, m := range chunk {
				if !slices.Contains(again, m) && !slices.Contains(lost, m) {
					report.hidden = append(report.hidden, m)
				}
			}
		})
		r.renewals <- report
	}()
}

// noteRenewal records a renewal. Lost messages that wait are dropped: they
// come again, and need not be handled twice.
func (r *run) noteRenewal(report renewal) {
	r.renewing = false
	for _, m := range report.hidden {
		m.renewed = report.at
	}
	for _, m := range report.lost {
		m.lost = true
	}
	drop := func(m *held) bool {
		if m.lost {
			r.drop(m)
		}
		return m.lost
	}
	for _, m := range r.waiting {
		if m.lost {
			r.waitingBytes -= m.bytes
		}
	}
	r.waiting = slices.DeleteFunc(r.waiting, drop)
	for i := range r.retries {
		r.retries[i].messages = slices.DeleteFunc(r.retries[i].messages, drop)
	}
}

// hide hides up to 10 messages for a time, 0 to show them at once. It gives
// those for which it failed: to be tried again, or lost because they are no
// longer this consumer's.
func (r *run) hide(ctx context.Context, chunk []*held, d func(*held) time.Duration) (again, lost []*held, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(chunk))
	for i, m := range chunk {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.receipt, VisibilityTimeout: seconds(d(m)),
		}
	}
	out, err := r.api.ChangeMessageVisibilityBatch(ctx,
		&sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &r.settings.QueueURL, Entries: entries})
	if err != nil {
		return chunk, nil, fmt.Errorf("change visibility of messages: %w", err)
	}
	return sort(chunk, out.Failed)
}

// sort separates the messages that SQS failed for reasons of its own from those
// whose receipt it refuses. The error is the first of either kind.
func sort(chunk []*held, failed []types.BatchResultErrorEntry) (again, refused []*held, err error) {
	for _, f := range failed {
		i, e := strconv.Atoi(aws.ToString(f.Id))
		if e != nil || i < 0 || i >= len(chunk) {
			continue
		}
		if err == nil {
			err = fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
		}
		if f.SenderFault {
			refused = append(refused, chunk[i])
		} else {
			again = append(again, chunk[i])
		}
	}
	return again, refused, err
}

// each calls do with chunks of up to 10 messages, several at once, and waits.
// The chunks are parts of messages, not copies.
func each(messages []*held, do func(chunk []*held)) {
	var group errgroup.Group
	group.SetLimit(callsAtOnce)
	for chunk := range slices.Chunk(messages, perCall) {
		group.Go(func() error {
			do(chunk)
			return nil
		})
	}
	_ = group.Wait()
}

// seconds rounds up to SQS's whole seconds.
func seconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second) //nolint:gosec // at most 12 h
}
