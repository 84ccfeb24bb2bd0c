package publish

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// moody is a topic that refuses, in its first call, the messages that say how.
type moody struct{ calls [][]string }

func (f *moody) PublishBatch(_ context.Context, in *sns.PublishBatchInput, _ ...func(*sns.Options)) (*sns.PublishBatchOutput, error) {
	out, bodies := &sns.PublishBatchOutput{}, []string{}
	for _, e := range in.PublishBatchRequestEntries {
		bodies = append(bodies, *e.Message)
		blame := *e.Message == "bad"
		if code := "InternalError"; blame || *e.Message == "again" && len(f.calls) == 0 || *e.Message == "never" {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: &code, SenderFault: blame})
			continue
		}
		out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
	}
	slices.Sort(bodies)
	f.calls = append(f.calls, bodies)
	return out, nil
}

// TestSendAgain: only what failed is sent again, after a wait that doubles, and not
// for ever; what SNS blames on the sender, not at all. Nothing is waited for when no
// attempt is left.
func TestSendAgain(t *testing.T) {
	for _, tt := range []struct {
		body, fault string
		calls       int
		waited      time.Duration
	}{{"again", "", 2, pause}, {"never", "did not accept 1 messages", attempts, 15 * pause}, {"bad", "refuses", 1, 0}} {
		topic := &moody{}
		var err error
		synctest.Test(t, func(t *testing.T) {
			p, begun, c := Publisher{API: topic}, time.Now(), call{}
			if !c.add("good", nil) || !c.add(tt.body, nil) {
				t.Fatal("a call has no room for two messages")
			}
			err = p.call(t.Context(), c)
			if waited := time.Since(begun); waited != tt.waited {
				t.Errorf("%s: waited %s, want %s", tt.body, waited, tt.waited)
			}
		})
		if len(topic.calls) != tt.calls || tt.calls > 1 && !slices.Equal(topic.calls[1], []string{tt.body}) {
			t.Errorf("%s: the calls were %v", tt.body, topic.calls)
		}
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v; want %q", tt.body, err, tt.fault)
		}
	}
}
