// Package worker is the validator: it reads what strangers put into the ingest
// queue, event by event, and sends on what keeps the contract, byte for byte as it
// came.
package worker

import (
	"context"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Run validates until ctx ends. observe may be nil.
func Run(ctx context.Context, p *service.Process, observe stage.Observer) error {
	s := stage.Stage{
		New:      func() stage.Func { return stage.Contract(p.MaxAge, asItCame) },
		Accepted: metrics.EventsValid,
		Observe:  observe,
	}
	return s.Run(ctx, p)
}

func asItCame(dst []byte, d *event.Decoder) []byte { return append(dst, d.Raw()...) }
