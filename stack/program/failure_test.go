package program

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TestFailure: an error of a constructor comes out with the resource that it is
// of, and a bug stays a panic.
func TestFailure(t *testing.T) {
	run := func(part func()) (err error) {
		defer caught(&err)
		part()
		return nil
	}
	refuse := func(*pulumi.Context, string, *sns.TopicPolicyArgs, ...pulumi.ResourceOption) (*sns.TopicPolicy, error) {
		return nil, errors.New("invalid value for required argument 'Arn'")
	}
	err := run(func() {
		add(&stack{}, refuse, "alarms", &sns.TopicPolicyArgs{})
		t.Error("it went on")
	})
	if want := "*sns.TopicPolicy alarms: invalid value for required argument 'Arn'"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := run(func() { check(nil) }); err != nil {
		t.Errorf("without an error: %v", err)
	}
	defer func() {
		if got := recover(); got != "a bug" {
			t.Errorf("recovered %v", got)
		}
	}()
	_ = run(func() { panic("a bug") })
}
