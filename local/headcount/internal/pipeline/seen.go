package pipeline

import "hash/maphash"

// maxRecent is how many events that need nothing more are remembered, twice over, by
// all flows of a run together, as each is the slower the more there are: a redelivery of
// one of them counts no second time. What is delivered again comes within a visibility
// timeout of a minute or two.
const maxRecent = 1 << 20

// seen knows which stages have settled an event, while it is on its way and for some
// time after: so its memory does not grow with the events of a run. Events are known
// by a 64-bit hash of (message id, index): among ten million on their way at once two
// would share one in three runs of a million.
type seen struct {
	flows  int // that share maxRecent; 0 is one
	seed   maphash.Seed
	open   map[uint64]progress
	recent [2]map[uint64]struct{} // those that ended, the newer half first
}

// progress is the stages that have settled an event, as bits, and the last one that
// will.
type progress struct{ stages, last uint8 }

// add notes that a stage, by its number in the chain, has settled an event; final says
// that no stage after it will. It reports whether that is new.
func (s *seen) add(messageID string, index, stage int, final bool) bool {
	if s.open == nil {
		s.seed, s.open = maphash.MakeSeed(), map[uint64]progress{}
		s.recent = [2]map[uint64]struct{}{{}, {}}
	}
	key := maphash.Comparable(s.seed, eventName{messageID, index})
	for _, ended := range s.recent {
		if _, ok := ended[key]; ok {
			return false
		}
	}
	p := s.open[key]
	bit := uint8(1) << stage
	if p.stages&bit != 0 {
		return false
	}
	p.stages |= bit
	if final {
		p.last = bit
	}
	// A later stage may be heard of first, since each speaks after it has sent.
	if p.last == 0 || p.stages != 2*p.last-1 {
		s.open[key] = p
		return true
	}
	delete(s.open, key)
	if len(s.recent[0]) >= maxRecent/max(1, s.flows) {
		s.recent = [2]map[uint64]struct{}{{}, s.recent[0]}
	}
	s.recent[0][key] = struct{}{}
	return true
}

type eventName struct {
	messageID string
	index     int
}
