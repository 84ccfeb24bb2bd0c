// Command stack is the Pulumi program that deploys Headcount to AWS: `pulumi up`
// builds and runs it. docs/deploy.md says how.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
)

func main() { pulumi.Run(program.Run) }
