package partials

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// keyed is what CheckKeys is asked: a key ring, and days in order.
type keyed struct{ ring, days string }

// message adds one message's events to the sets, if it was masked with the keys of the
// flow.
func (f *fold) message(ctx context.Context, source int, m *queue.Message) error {
	if err := f.decode(source, m); err != nil {
		return err
	}
	if err := f.checkKeys(ctx, m.Attributes[pack.AttributeKeys]); err != nil {
		return fmt.Errorf("message %s: %w", m.ID, err)
	}
	for i := range f.of {
		r := &f.of[i]
		var err error
		for j := r.first; j < r.end && err == nil; j++ {
			err = f.add(source, r, j)
			if f.rows > maxRows || len(f.hours) > maxHours {
				f.write(ctx)
			}
		}
		if err != nil {
			return queue.Unprocessable(fmt.Errorf("message %s, event %d: %w", r.Origin.MessageID, r.Index, err))
		}
	}
	return nil
}

// decoded is a record whose events are those of fold.masked from first up to end.
type decoded struct {
	pack.Record
	first, end int
}

// decode reads the events of one message.
func (f *fold) decode(source int, m *queue.Message) error {
	records, err := pack.Open(m)
	if err != nil {
		return queue.Unprocessable(fmt.Errorf("message %s: %w", m.ID, err))
	}
	f.masked, f.of = f.masked[:0], f.of[:0]
	for r := range records {
		if m.Attributes[pack.AttributeEncoding] == "" {
			r.Origin.Replay = true // a person's message: nobody knows when its events arrived
		}
		first := len(f.masked)
		if err := f.decodeRecord(source, &r); err != nil {
			return queue.Unprocessable(fmt.Errorf("message %s, event %d: %w", r.Origin.MessageID, r.Index, err))
		}
		f.of = append(f.of, decoded{r, first, len(f.masked)})
	}
	return nil
}

// decodeRecord appends the events of one record.
func (f *fold) decodeRecord(source int, r *pack.Record) (err error) {
	defer f.recovered(source, r)
	f.masked, err = event.DecodeMasked(r.Payload, f.masked)
	return err
}

// checkKeys compares the key ring of a message with the flow's for the days of its
// events. It asks once a batch for each ring and days: a downstream service that is down
// would else be waited for at each message.
func (f *fold) checkKeys(ctx context.Context, ring string) error {
	if ring == "" {
		return nil // a person's message
	}
	days, err := f.days()
	if err != nil {
		return queue.Unprocessable(err)
	}
	ask := keyed{ring, strings.Join(days, " ")}
	err, known := f.keys[ask]
	if !known {
		err = conflict(f.w.Flow.CheckKeys(ctx, ring, days))
		if errors.As(err, new(*flow.WrongKeyError)) {
			err = queue.Dead(err)
		} else if errors.Is(err, flow.ErrNoRing) {
			err = queue.Unprocessable(err)
		}
		f.keys[ask] = err
	}
	return err
}

// conflict stops the service where the flow is another one than it has counted by.
func conflict(err error) error {
	if errors.As(err, new(*flow.ConflictError)) {
		return queue.Stop(err)
	}
	return err
}

// days gives the UTC days of a message's events, in order.
func (f *fold) days() ([]string, error) {
	const day = 24 * 3600_000 // ms
	var numbers []int64
	for i := range f.masked {
		n := counts.Window(day).Start(f.masked[i].OccurredAt) / day
		if at := len(numbers) - 1; (at < 0 || numbers[at] != n) && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	days := make([]string, len(numbers))
	for i, n := range numbers {
		if err := named(counts.HourOf(n * day)); err != nil {
			return nil, err
		}
		days[i] = time.UnixMilli(n * day).UTC().Format(time.DateOnly)
	}
	return days, nil
}

// named gives an error for an hour without a name: it could be written, but never be
// made a final.
func named(at counts.Hour) error {
	if parsed, err := counts.ParseHour(at.String()); err != nil || parsed != at {
		return errors.New("occurred_at is not within the years 0 to 9999")
	}
	return nil
}
