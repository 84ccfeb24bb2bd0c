// Command validator checks events against the contract.
//
// It has no flags; its settings are environment variables, which
// docs/architecture.md lists. `validator healthcheck` asks the running one how
// it is.
package main

import (
	"context"

	"github.com/headcount-etl/headcount/services/validator/worker"
	"github.com/headcount-etl/headcount/shared/service"
)

func main() {
	service.Main("validator", func(ctx context.Context, p *service.Process) error {
		return worker.Run(ctx, p, nil)
	})
}
