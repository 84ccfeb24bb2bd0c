// Package worker is the masker: it reads valid events and sends on what may be
// known of them.
package worker

import (
	"context"
	"fmt"

	"github.com/headcount-etl/headcount/services/masker/mask"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Run masks until ctx ends. observe may be nil.
func Run(ctx context.Context, p *service.Process, observe stage.Observer) error {
	ring := &mask.Ring{}
	if text := p.Env.Secret("MASKING_KEYS"); text != "" {
		var err error
		if ring, err = mask.ParseRing(text); err != nil {
			p.Env.Fault("MASKING_KEYS", fmt.Sprintf("is no key ring: %v", err))
			ring = &mask.Ring{}
		}
	}
	s := stage.Stage{
		New:        func() stage.Func { return stage.Contract(p.MaxAge, transform(mask.NewMasker(ring, p.Flow))) },
		Attributes: map[string]string{pack.AttributeKeys: ring.Fingerprints()},
		Accepted:   metrics.EventsMasked,
		Observe:    observe,
	}
	return s.Run(ctx, p)
}

func transform(m *mask.Masker) stage.Transform {
	return func(dst []byte, d *event.Decoder) []byte {
		masked := m.Mask(d)
		return event.AppendMasked(dst, &masked)
	}
}
