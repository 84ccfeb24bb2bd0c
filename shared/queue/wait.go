package queue

import (
	"math/rand/v2"
	"time"
)

// doubled gives base·2^n, at most limit.
func doubled(base time.Duration, n int, limit time.Duration) time.Duration {
	for ; n > 0 && base < limit; n-- {
		base *= 2
	}
	return min(base, limit)
}

// backoff is doubled with jitter: at random between half of it and all of it,
// so that tasks that failed together do not come back together.
func backoff(n int, base, limit time.Duration) time.Duration {
	d := doubled(base, n, limit)
	return d/2 + rand.N(d/2+1) //nolint:gosec // spreads load, protects nothing
}

// wait lasts d, or until done is closed.
func wait(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
