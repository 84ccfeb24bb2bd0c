// Package preview shows a QuickSight definition in a browser, on the data of one
// machine: a server on loopback that turns each visual into one SQL query, and a
// page that draws the answers. It follows the definition's file and the data's
// files, and needs no network.
package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/headcount-etl/headcount/dashboards/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/visual"
	"github.com/headcount-etl/headcount/local/sql"
)

// Config says what is shown.
type Config struct {
	// Listen is a loopback address; port 0 chooses one.
	Listen string
	// File names the definition, and Read gives its text, time and again. Read
	// may be nil: File is a path then.
	File string
	Read func() ([]byte, error)
	// Dir is the data folder; empty for none.
	Dir string
	// Schema describes the folder's tables and views.
	Schema sql.Schema
	// Views are those behind the data sets that the folder offers, by the data
	// set's identifier.
	Views map[string]View
	// DataSets are SQL statements in place of Views, by the data set's
	// identifier.
	DataSets map[string]string
	// Filling is set while something fills the folder: that there is nothing yet
	// is no fault then.
	Filling bool
}

// View is what a data set shows.
type View struct {
	Name string
	// Imported is set for a data set that QuickSight keeps in its own memory
	// (SPICE): the view is asked once for each version of the data, and its rows
	// are kept.
	Imported bool
	// Narrow is what to say of the view beside that it has no rows, or nothing.
	Narrow string
}

// Server shows one definition. Close ends it.
type Server struct {
	config Config
	url    string
	http   *http.Server
	served chan error
	stop   context.CancelFunc
	ended  context.Context // of the changes that are listened to

	// turn is held by whoever asks db, which is for one at a time.
	turn chan struct{}
	db   *sql.DB

	// loading is held by whoever reads a new version, so that several questions
	// that meet one do not all import its data sets.
	loading chan struct{}

	mu       sync.Mutex
	loaded   *loaded
	lake     adopted
	drawings map[string]json.RawMessage // by version and question
}

// loaded is a definition as it was read at one time, and what its data sets gave.
type loaded struct {
	version    string // of the file and the data
	definition *definition.Definition
	faults     []definition.Fault
	sources    []query.Source
}

// Start serves the page. It fails if the address cannot be listened on, or is
// none of loopback, or if the definition's file cannot be read at all. What is
// wrong inside of it is told by Faults, and on the page.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Read == nil {
		path := c.File
		c.Read = func() ([]byte, error) { return os.ReadFile(path) } // #nosec G304 -- the path is the user's own
		c.File = filepath.Base(path)
	}
	if _, err := c.Read(); err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("--listen %s: the preview shows data to whoever can reach it; use a loopback address such as 127.0.0.1:8080", c.Listen)
	}
	db, err := sql.Open(ctx, c.Dir, c.Schema)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, db: db, turn: make(chan struct{}, 1), loading: make(chan struct{}, 1), served: make(chan error, 1), drawings: map[string]json.RawMessage{}}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--listen: %w", err), db.Close())
	}
	s.url = "http://" + listener.Addr().String()
	s.ended, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.http = &http.Server{Handler: s.handler(listener.Addr().String()), ReadHeaderTimeout: 10 * time.Second}
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// URL is the page's address.
func (s *Server) URL() string { return s.url }

// Faults are what is wrong in the definition and with its data sets, now.
func (s *Server) Faults(ctx context.Context) ([]definition.Fault, error) {
	l, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return l.faults, nil
}

// Close ends the server, and the questions that are being answered.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.turn <- struct{}{} // whoever still asks is done when this gets through
	return errors.Join(err, s.db.Close())
}

// ask runs f while nobody else asks the database.
func (s *Server) ask(ctx context.Context, f func() error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	return f()
}

// load reads the definition again if its file or the data has changed.
func (s *Server) load(ctx context.Context) (*loaded, error) {
	version, err := s.version()
	if err != nil {
		return nil, err
	}
	if l := s.known(version); l != nil {
		return l, nil
	}
	select {
	case s.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.loading }()
	if l := s.known(version); l != nil {
		return l, nil
	}
	text, err := s.config.Read()
	if err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	l := &loaded{version: version}
	d, faults := definition.Load(s.config.File, text, func(d *definition.Definition) (sets []definition.DataSet) {
		l.definition = d
		sets, err = s.connect(ctx, l)
		return sets
	})
	if err != nil {
		return nil, err
	}
	l.definition, l.faults = d, append(l.faults, faults...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = l
	clear(s.drawings)
	return l, nil
}

// known gives what is loaded if it is of that version, and else nil.
func (s *Server) known(version string) *loaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded != nil && s.loaded.version == version {
		return s.loaded
	}
	return nil
}

// connect finds the data sets that the definition declares.
func (s *Server) connect(ctx context.Context, l *loaded) (sets []definition.DataSet, err error) {
	for i, d := range l.definition.DataSetIdentifierDeclarations {
		if d.Identifier == nil {
			continue
		}
		id, path := *d.Identifier, fmt.Sprintf("$.DataSetIdentifierDeclarations[%d]", i)
		fault := func(format string, args ...any) {
			l.faults = append(l.faults, definition.Fault{File: s.config.File, Path: path, Problem: fmt.Sprintf(format, args...)})
		}
		statement, given := s.config.DataSets[id]
		view, known := s.config.Views[id]
		table := view.Name
		if !given && (!known || s.config.Dir == "") {
			fault("data set %q: nothing says where its rows come from; give them by --dataset '%s=SELECT …'", id, id)
			continue
		}
		var columns []sql.Column
		var rows int64
		err := s.ask(ctx, func() (err error) {
			if given {
				table = "dataset " + id
				if err := s.db.Define(ctx, sql.View{Name: table, SQL: statement}); err != nil {
					return fmt.Errorf("--dataset %s: %w", id, err)
				}
			}
			if !given && view.Imported {
				table = "import " + id
				if err := s.db.Import(ctx, sql.View{Name: table, SQL: "SELECT * FROM " + quoted(view.Name)}); err != nil {
					return err
				}
			}
			if columns, err = s.db.Describe(ctx, table); err != nil || given {
				return err
			}
			answer, err := s.db.Ask(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+quoted(table)+" LIMIT 1)")
			if err == nil {
				rows, _ = answer[0][0].(int64)
			}
			return err
		})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			fault("data set %q: %s", id, err)
			continue
		case !given && rows == 0 && !s.config.Filling:
			narrow := ""
			if view.Narrow != "" {
				narrow = "; " + view.Narrow
			}
			fault("data set %q: there are no rows for %s in the Parquet files under %s%s", id, view.Name, filepath.Join(s.config.Dir, sql.BucketsFolder), narrow)
		}
		set, source := described(id, table, columns)
		sets, l.sources = append(sets, set), append(l.sources, source)
	}
	return sets, nil
}

// builder is what the queries of one reader are built with.
func (s *Server) builder(l *loaded, state query.State) *query.Builder {
	return &query.Builder{File: s.config.File, Definition: l.definition, Sources: l.sources, State: state, Now: time.Now().UTC()}
}

// draw draws an element of a sheet, or gives what was drawn for the same state of
// the same data.
func (s *Server) draw(ctx context.Context, sheetID, id string, state query.State) (json.RawMessage, error) {
	l, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s", l.version, time.Now().UTC().Format("2006-01-02T15:04"), sheetID, id, chosen)
	s.mu.Lock()
	drawn, ok := s.drawings[key]
	s.mu.Unlock()
	if ok {
		return drawn, nil
	}
	e, ok := find(l.definition, sheetID, id)
	if !ok {
		return nil, errNotFound
	}
	b := s.builder(l, state)
	var d *visual.Drawing
	if e.text != nil {
		d = visual.DrawTextBox(b, e.text)
	} else {
		d = visual.Draw(ctx, b, s.rows, sheetID, e.visual, e.path)
	}
	d.ID = cmp.Or(d.ID, id)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if drawn, err = json.Marshal(d); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.drawings) >= maxDrawings {
		clear(s.drawings)
	}
	s.drawings[key] = drawn
	return drawn, nil
}

// maxDrawings is how many drawings are remembered.
const maxDrawings = 1000

// rows asks the database.
func (s *Server) rows(ctx context.Context, q *query.Query) (rows [][]any, err error) {
	err = s.ask(ctx, func() error {
		rows, err = s.db.Ask(ctx, q.SQL)
		return err
	})
	return rows, err
}
