// Command masker hides the personal data of valid events.
//
// It has no flags; its settings are environment variables, which
// docs/architecture.md lists. `masker healthcheck` asks the running one how
// it is.
package main

import (
	"context"

	"github.com/headcount-etl/headcount/services/masker/worker"
	"github.com/headcount-etl/headcount/shared/service"
)

func main() {
	service.Main("masker", func(ctx context.Context, p *service.Process) error {
		return worker.Run(ctx, p, nil)
	})
}
