package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// poll receives messages whenever the loop allows it.
func (r *run) poll() {
	failures := 0
	for p := range r.permits {
		messages, err := r.receive(p)
		report := received{messages: messages, asked: p.messages}
		cut := p.ctx.Err() != nil
		switch {
		case err == nil:
			r.answered.Store(true)
		case !cut && !r.answered.Load() && r.settings.Refused != nil:
			report.refused = r.settings.Refused(err)
		}
		r.received <- report
		if err == nil || cut || report.refused != nil {
			failures = 0
			continue
		}
		delay := backoff(failures, 500*time.Millisecond, 30*time.Second)
		failures++
		r.settings.Log.Warn().Err(err).Dur("retry_in", delay).Msg("could not receive messages")
		wait(r.soft.Done(), delay)
	}
}

// receive makes one call.
func (r *run) receive(p permit) ([]*held, error) {
	ctx, cancel := context.WithTimeout(p.ctx, callTimeout)
	defer cancel()
	end, _ := r.activity.begin("a receive has had no answer", time.Now(), pollOverdue)
	defer end()
	out, err := r.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:              &r.settings.QueueURL,
		MaxNumberOfMessages:   int32(p.messages), //nolint:gosec // at most 10
		WaitTimeSeconds:       int32(longPoll / time.Second),
		VisibilityTimeout:     seconds(r.settings.Visibility),
		MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameApproximateReceiveCount,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("receive messages: %w", err)
	}
	now := time.Now()
	messages := make([]*held, 0, len(out.Messages))
	for i := range out.Messages {
		m := &held{Message: parse(&out.Messages[i]), since: now, renewed: now}
		m.bytes = m.size()
		messages = append(messages, m)
	}
	return messages, nil
}

// parse keeps what the services use. System attributes that are missing
// or odd, as some stand-ins send them, leave a zero time and one receive.
func parse(m *types.Message) Message {
	message := Message{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), receipt: aws.ToString(m.ReceiptHandle)}
	if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		message.SentAt = time.UnixMilli(ms)
	}
	message.Receives, _ = strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	message.Receives = max(message.Receives, 1)
	if message.as = m.MessageAttributes; len(m.MessageAttributes) > 0 {
		message.Attributes = make(map[string]string, len(m.MessageAttributes))
		for name, value := range m.MessageAttributes {
			if value.StringValue != nil {
				message.Attributes[name] = *value.StringValue
			}
		}
	}
	return message
}

// work has a batch handled and settles it.
func (r *run) work(batch []*held) {
	begun := time.Now()
	end, progress := r.activity.begin("a batch has been in work", begun, batchOverdue)
	defer end()

	messages := make([]Message, len(batch))
	oldest := begun
	for i, m := range batch {
		messages[i] = m.Message
		if !m.SentAt.IsZero() && m.SentAt.Before(oldest) {
			oldest = m.SentAt
		}
	}
	errs, panicked := r.handle(context.WithValue(r.handling, progressKey{}, progress), messages)

	r.bury(batch, errs)

	o := outcome{alone: panicked && len(batch) > 1}
	var done, failed, old, dead []*held
	var first error
	now := time.Now()
	for i, m := range batch {
		if errs == nil || errs[i] == nil {
			done = append(done, m)
			continue
		}
		if first == nil {
			first = errs[i]
		}
		var stop *stopError
		var unprocessable *UnprocessableError
		switch {
		case errors.As(errs[i], &stop):
			if o.stop == nil {
				o.stop = errs[i]
			}
			old = append(old, m)
		case errors.As(errs[i], new(*DeadError)):
			dead = append(dead, m)
		case o.alone:
			o.again = append(o.again, m)
		case errors.As(errs[i], &unprocessable):
			failed = append(failed, m)
		case now.Sub(m.since) > holdFor:
			old = append(old, m)
		default:
			o.again = append(o.again, m)
		}
	}
	o.moved = o.alone || o.stop != nil || len(done)+len(failed)+len(dead) > 0
	set := r.settings.Metrics
	set.Add(metrics.MessagesDone, int64(len(done)))
	set.Add(metrics.MessagesFailed, int64(len(batch)-len(done)-len(dead)))
	set.Add(metrics.MessagesDead, int64(len(dead)))
	set.Add(metrics.BatchTime, now.Sub(begun).Milliseconds())
	set.Add(metrics.MessageAge, begun.Sub(oldest).Milliseconds())
	if first != nil {
		r.settings.Log.Warn().Err(first).Int("done", len(done)).Int("failed", len(failed)).Int("dead", len(dead)).Int("again", len(o.again)).Msg("messages failed")
	}
	r.outcomes <- o

	done = append(done, dead...)
	r.deleteAll(done)
	r.postpone(failed, o.stop != nil)
	r.postpone(old, true)
	r.outcomes <- outcome{ended: true, settled: slices.Concat(done, failed, old)}
}

// handle calls the handler. After a panic, or an answer that makes no sense, each
// message is unprocessable: panicked says that it need not be its own fault. What was
// thrown may hold a payload, so only its type is logged, unless the runtime threw it.
func (r *run) handle(ctx context.Context, messages []Message) (errs []error, panicked bool) {
	fail := func(err error) []error {
		errs := make([]error, len(messages))
		for i := range errs {
			errs[i] = Unprocessable(err)
		}
		return errs
	}
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		err := fmt.Errorf("handler panicked with a %T", thrown)
		if fault, ok := thrown.(runtime.Error); ok {
			err = fmt.Errorf("handler panicked: %w", fault)
		}
		r.settings.Metrics.Add(metrics.Panics, 1)
		r.settings.Log.Error().Err(err).Bytes("stack", debug.Stack()).Msg("handler panicked")
		errs, panicked = fail(err), true
	}()
	errs = r.handler(ctx, messages)
	if errs != nil && len(errs) != len(messages) {
		return fail(fmt.Errorf("handler gave %d outcomes for %d messages", len(errs), len(messages))), true
	}
	return errs, false
}

// activity knows what is in progress, and until when it should be over.
type activity struct {
	mu    sync.Mutex
	steps map[*step]struct{}
}

type step struct {
	what  string
	begun time.Time
	limit time.Duration
}

// begin notes that something has begun. The functions returned note its end, and
// that it goes on, as if it had begun anew.
func (a *activity) begin(what string, now time.Time, limit time.Duration) (end, progress func()) {
	s := &step{what, now, limit}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.steps == nil {
		a.steps = map[*step]struct{}{}
	}
	a.steps[s] = struct{}{}
	end = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.steps, s)
	}
	progress = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		s.begun = time.Now()
	}
	return end, progress
}

// overdue names what takes longer than it should.
func (a *activity) overdue(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for s := range a.steps {
		if age := now.Sub(s.begun); age > s.limit {
			errs = append(errs, fmt.Errorf("%s for %s", s.what, age.Round(time.Second)))
		}
	}
	return errors.Join(errs...)
}

// doubled gives base·2^n, at most limit.
func doubled(base time.Duration, n int, limit time.Duration) time.Duration {
	for ; n > 0 && base < limit; n-- {
		base *= 2
	}
	return min(base, limit)
}

// backoff is doubled with jitter: at random between half of it and all of it,
// so that tasks that failed together do not come back together.
func backoff(n int, base, limit time.Duration) time.Duration {
	d := doubled(base, n, limit)
	return d/2 + rand.N(d/2+1) //nolint:gosec // spreads load, protects nothing
}

// wait lasts d, or until done is closed.
func wait(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
