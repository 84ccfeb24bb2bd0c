package finals

import (
	"math"
	"runtime/debug"
	"sync"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

const (
	// maxCache is how many bytes the cache keeps where GOMEMLIMIT bounds nothing; else
	// it keeps a quarter of that.
	maxCache = 256 << 20
	// stateBytes is what an hour takes besides its set, and readPartialBytes what it takes
	// for each partial, roughly.
	stateBytes       = 4 << 10
	readPartialBytes = 100
)

// state is what is known of one hour.
type state struct {
	etag    string         // of the final that was read or written last; "" if there was none
	final   map[string]int // what that final covers
	checked bool           // that this is in the bucket
	// others are the finals of the other tables, as far as they are known.
	others map[*results.Table]version
	set    *counts.Set // the union of the partials in read
	list   *flow.List  // whose numbers the set uses
	// read are the partials in set, with the time at which each was written, in seconds
	// since the Unix epoch.
	read map[partial]int64
	// snapshot is the last one that is known, and since what was read besides.
	snapshot, since amount
	late            map[partial]bool // partials that were reported as too late
	strange         int              // objects that were reported as none of ours
	bytes           int
	used            int // the cache's clock at the last use
}

// begin forgets all partials.
func (s *state) begin(f *Finals, hour counts.Hour, list *flow.List) (err error) {
	s.list, s.read, s.snapshot, s.since = list, map[partial]int64{}, amount{}, amount{}
	s.set, err = f.newSet(hour, list)
	return err
}

// readFrom reports whether all that was read is among the partials up to next, and still
// what it was.
func (s *state) readFrom(there listed, next map[string]int) bool {
	for p, modified := range s.read {
		if p.n > next[p.writer] || there[p].modified != modified {
			return false
		}
	}
	return true
}

// wrote notes a final that is there now.
func (s *state) wrote(table *results.Table, v version) {
	if table == results.Headcounts {
		s.etag, s.final, s.checked = v.etag, v.covers, true
		return
	}
	if s.others == nil {
		s.others = map[*results.Table]version{}
	}
	s.others[table] = v
}

// cache keeps the hours that were worked on last: partials never change, so
// none needs to be read twice. The zero cache is empty.
type cache struct {
	most  int // bytes; 0 for what the process's memory allows
	share int // of how many caches of the process it is one; 0 is one
	mu    sync.Mutex
	hours map[counts.Hour]*state
	bytes int
	clock int
}

// take gives the state of an hour; nobody else has it until it is given back.
func (c *cache) take(hour counts.Hour) *state {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.hours[hour]
	if s == nil {
		return &state{}
	}
	c.drop(hour)
	return s
}

func (c *cache) drop(hour counts.Hour) {
	if s := c.hours[hour]; s != nil {
		c.bytes -= s.bytes
		delete(c.hours, hour)
	}
}

// give puts a state back, and drops those that were used longest ago while all
// take too much.
func (c *cache) give(hour counts.Hour, s *state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hours == nil {
		c.hours = map[counts.Hour]*state{}
	}
	c.clock++
	s.used = c.clock
	s.bytes = stateBytes + readPartialBytes*len(s.read)
	if s.set != nil {
		s.bytes += s.set.Bytes()
	}
	c.drop(hour)
	c.hours[hour] = s
	c.bytes += s.bytes
	if c.most == 0 {
		c.most = maxCache
		if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 { // a negative limit only asks
			c.most = int(limit / 4)
		}
		c.most /= max(1, c.share)
	}
	for c.bytes > c.most && len(c.hours) > 1 {
		oldest := hour
		for h, other := range c.hours {
			if other.used < c.hours[oldest].used {
				oldest = h
			}
		}
		c.drop(oldest)
	}
}
