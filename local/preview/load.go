package preview

import (
	"context"
	"errors"
	"slices"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// loaded is a definition as it was read at one time, and a snapshot of the data of
// the same time: all that is drawn of it agrees.
type loaded struct {
	state      string // of the files that it was read from
	version    string // the state, and what is wrong with the data
	definition *definition.Definition
	faults     []definition.Fault
	sources    []query.Source
	data       *sql.Snapshot
	// broken is set when data could not be read: it is tried again with the next
	// question.
	broken bool
	uses   int // by questions that are being answered, and by being kept
}

// maxKept is how many versions are kept. A page asks for one after the other, and
// for all of its cards by the same one.
const maxKept = 8

var errGone = errors.New("this version of the data is gone: load the dashboard again")

// load gives the definition and the data as they are now. The caller releases it.
func (s *Server) load(ctx context.Context) (*loaded, error) {
	now, err := s.look()
	if err != nil {
		return nil, err
	}
	fresh := func(l *loaded) bool { return l.state == now.state && !l.broken }
	if l := s.find(fresh); l != nil {
		return l, nil
	}
	select {
	case s.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.loading }()
	if l := s.find(fresh); l != nil {
		return l, nil
	}
	l, err := s.read(ctx, now)
	if err != nil {
		return nil, err
	}
	s.keep(ctx, l)
	return l, nil
}

// find looks for a kept version, the newest first; nil is none. The caller releases
// it.
func (s *Server) find(wanted func(*loaded) bool) *loaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range slices.Backward(s.kept) {
		if wanted(l) {
			s.kept = append(slices.Delete(s.kept, i, i+1), l)
			l.uses++
			return l
		}
	}
	return nil
}

// version finds the version that a page shows, or what there is now if it does not
// say. The caller releases it.
func (s *Server) version(ctx context.Context, version string) (*loaded, error) {
	if version == "" {
		return s.load(ctx)
	}
	if l := s.find(func(l *loaded) bool { return l.version == version }); l != nil {
		return l, nil
	}
	return nil, errGone
}

// keep keeps a version that was just read, in place of an equal one, and forgets
// the one that was not asked for the longest.
func (s *Server) keep(ctx context.Context, l *loaded) {
	l.uses = 2 // kept, and the caller's
	s.mu.Lock()
	s.kept = append(s.kept, l)
	old := slices.IndexFunc(s.kept[:len(s.kept)-1], func(other *loaded) bool { return other.version == l.version })
	if old < 0 && len(s.kept) > maxKept {
		old = 0
	}
	var gone *loaded
	if old >= 0 {
		gone = s.kept[old]
		s.kept = slices.Delete(s.kept, old, old+1)
	}
	s.mu.Unlock()
	if gone != nil {
		s.release(ctx, gone)
	}
}

// forget has the page load the data that is there now in the place of a version
// whose files are not there any more.
func (s *Server) forget(ctx context.Context, l *loaded) {
	s.mu.Lock()
	s.adopted = nil
	i := slices.Index(s.kept, l)
	if i >= 0 {
		s.kept = slices.Delete(s.kept, i, i+1)
	}
	s.mu.Unlock()
	if i >= 0 {
		s.release(ctx, l)
	}
}

// release ends a use of a version.
func (s *Server) release(ctx context.Context, l *loaded) {
	s.mu.Lock()
	l.uses--
	last := l.uses == 0
	s.mu.Unlock()
	if last && l.data != nil {
		// What is left behind is found by the end of the database.
		_ = l.data.Close(context.WithoutCancel(ctx))
	}
}

// read reads the definition, and finds its data sets in a snapshot of the data.
func (s *Server) read(ctx context.Context, now look) (*loaded, error) {
	l := &loaded{state: now.state}
	d, faults := definition.Load(s.config.File, now.text, func(d *definition.Definition) []definition.DataSet {
		l.definition = d
		return s.connect(ctx, l, now.files)
	})
	if ctx.Err() != nil {
		if l.data != nil {
			_ = l.data.Close(context.WithoutCancel(ctx)) // as in release
		}
		return nil, ctx.Err()
	}
	l.definition, l.faults = d, append(l.faults, faults...)
	l.version = now.state
	if l.broken { // a page is notified when that is over, or becomes another fault
		l.version = digest(now.state, l.faults)
	}
	return l, nil
}
