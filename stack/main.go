// Command stack is the Pulumi program that deploys Headcount to AWS: `pulumi up`
// builds and runs it. docs/deploy.md says how.
package main

import (
	"context"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
	"github.com/headcount-etl/headcount/stack/provide"
)

func main() {
	pulumi.Run(program.With(func(ctx context.Context, root string) (program.Means, error) {
		return provide.FromSource(ctx, root, os.Stderr)
	}))
}
