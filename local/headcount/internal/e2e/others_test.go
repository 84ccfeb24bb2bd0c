package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
)

// publishOther publishes one message as a client of somebody else's would.
func publishOther(ctx context.Context, r *pipeline.Resources, body string, attributes map[string]string) error {
	in := &sns.PublishInput{TopicArn: &r.TopicARN, Message: &body, MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, value := range attributes {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	_, err := sns.NewFromConfig(r.Config).Publish(ctx, in)
	return err
}

// TestTheBalanceClosesAlthoughOthersPublish: whoever has the URL may publish while
// a run or a demo is at work, whatever it likes and as long as it likes.
func TestTheBalanceClosesAlthoughOthersPublish(t *testing.T) {
	t.Parallel()
	tr := simulated(t, 9, 60, 20)
	o := options{pois: samplePlacesWithRadius(t), window: 5 * time.Minute, minPeople: 1, perMessage: 3, flush: 50 * time.Millisecond}
	dir := t.TempDir()
	p, before, stop := start(t, dir, o)
	defer stop()
	// Odd messages, and how many events they are.
	var packed pack.Writer
	for i, line := range tr.valid[:5] {
		packed.Add(0, pack.Origin{Consent: event.ConsentAnalytics}, i, []byte(line))
	}
	five := packed.Close()[0]
	analytics := map[string]string{"consent": "analytics"}
	tooMany := map[string]string{}
	for _, name := range strings.Fields("a b c d e f g h i j k") {
		tooMany[name] = "x"
	}
	others := int64(0)
	for _, m := range []struct {
		body       string
		attributes map[string]string
		events     int64
	}{
		{tr.valid[0], analytics, 1},
		{tr.valid[1] + "\n" + tr.valid[2], map[string]string{"consent": "none"}, 2},
		{tr.valid[3], nil, 1}, // in no lake
		{tr.valid[3] + tr.valid[4] + " 7 {", map[string]string{"x": "y"}, 4},
		{five.Body, five.Attributes(), 5},
		{"no pack", map[string]string{pack.AttributeEncoding: pack.Encoding}, 1},
		{" ", analytics, 0},
		{tr.valid[5], tooMany, 0}, // SNS discards it on its way to the queue, but not to the lake
	} {
		if err := publishOther(t.Context(), p.Flows[0].Resources, m.body, m.attributes); err != nil {
			t.Fatal(err)
		}
		others += m.events
	}
	if got := p.Flows[0].Tally.Totals().Published; got != others {
		t.Errorf("the topic has accepted %d events, want %d", got, others)
	}
	// Somebody goes on and on, until nobody can any more.
	var group errgroup.Group
	endless := int64(0)
	group.Go(func() error {
		for {
			err := publishOther(t.Context(), p.Flows[0].Resources, tr.valid[0], analytics)
			var gone *types.NotFoundException
			if errors.As(err, &gone) {
				return nil
			}
			if err != nil {
				return err
			}
			endless++
		}
	})
	published, err := p.Publisher(o.perMessage).Publish(t.Context(), reader(tr.lines))
	if err != nil {
		t.Fatal(err)
	}
	p.CloseTopic()
	if err := p.Settle(t.Context(), published.Events); err != nil {
		t.Fatal(err)
	}
	balances, err := p.Balances(t.Context(), published, before, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	balance := balances[0]
	if err := errors.Join(group.Wait(), balance.Check(), p.CheckFinals(t.Context())); err != nil {
		t.Error(err)
	}
	if endless == 0 || balance.Published != published.Events+others+endless {
		t.Errorf("the balance has %d events, want %d and %d odd ones and %d in the end", balance.Published, published.Events, others, endless)
	}
	var table strings.Builder
	if pipeline.WriteTable(&table, balance); !strings.Contains(table.String(), "published by others") {
		t.Errorf("the table does not say that others have published:\n%s", &table)
	}
	checkOracle(t, dir, o, tr.valid)
}
