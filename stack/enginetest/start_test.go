package enginetest

import (
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/engine"
	lt "github.com/pulumi/pulumi/pkg/v3/engine/lifecycletest/framework"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
	"github.com/headcount-etl/headcount/stack/provide"
	"github.com/headcount-etl/headcount/stack/settings"
)

// TestFromSource is the whole program, as main runs it, in a preview: the images are
// built from the source, and AWS is asked for nothing but what the provider answers.
// It says how long that takes; with an empty GOCACHE, how long the first time does.
func TestFromSource(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") // nobody listens there
	values, err := settings.Values(root, "dev")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for key, value := range values {
		given[settings.Project+":"+key] = value
	}
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(pulumi.EnvConfig, string(text))
	a, start := open(t, "dev"), time.Now()
	var built time.Duration
	got, err := a.runProgram(lt.TestOp(engine.Update), true, program.With(func(ctx context.Context, root string) (program.Means, error) {
		p, err := provide.FromSource(ctx, root, io.Discard)
		built = time.Since(start)
		return p, err
	}))
	if err != nil || got.steps[deploy.OpCreate] < 150 {
		t.Fatalf("%v, %v", err, got.steps)
	}
	t.Logf("images are built after %s, the first resource is registered after %s, the preview ends after %s",
		built.Round(time.Millisecond), a.aws.First().Sub(start).Round(time.Millisecond), got.took.Round(time.Millisecond))
}
