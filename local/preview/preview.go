package preview

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/preview/visual"
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
	// (SPICE): the view is asked once for each version of its own files, when a
	// visual asks for it, and its rows are kept.
	Imported bool
	// Narrow is what to say of the view beside that it has no rows, or nothing.
	Narrow string
	// Sparse says that it may well have no rows: then it is no fault that there are none.
	Sparse bool
}

// Server shows one definition. Close ends it.
type Server struct {
	config Config
	url    string
	http   *http.Server
	served chan error
	stop   context.CancelFunc
	ended  context.Context // of what is being answered
	db     *sql.DB
	// tables are those that are shown, imported those behind imported data sets.
	tables, imported []string

	// open is held for reading by whoever answers, and for writing by Close.
	open   sync.RWMutex
	closed bool

	// loading is held by whoever reads a new version, so that several questions
	// that meet one do not all read it.
	loading chan struct{}

	mu      sync.Mutex
	kept    []*loaded // versions that pages show, the one that was asked for last at the end
	adopted adopted
}

// Start serves the page. It fails if the address cannot be listened on, or is
// none of loopback, or if the definition's file cannot be read at all. What is
// wrong inside of it is shown by Faults, and on the page.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Read == nil {
		path := c.File
		c.Read = func() ([]byte, error) { return os.ReadFile(path) } // #nosec G304 -- the path is the user's own
		c.File = filepath.Base(path)
	}
	if _, err := c.Read(); err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
		c.Listen = net.JoinHostPort(host, port)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("--listen %s: the preview shows data to whoever can reach it; use a loopback address such as 127.0.0.1:8080", c.Listen)
	}
	open := sql.Open
	if len(c.DataSets) > 0 { // which may read any file
		open = sql.OpenTrusting
	}
	db, err := open(ctx, c.Dir, c.Schema)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, db: db, loading: make(chan struct{}, 1), served: make(chan error, 1)}
	var views []string
	for _, v := range c.Views {
		views = append(views, v.Name)
		if v.Imported {
			s.imported = append(s.imported, db.Tables(v.Name)...)
		}
	}
	s.tables = db.Tables(views...)
	if len(c.DataSets) > 0 { // which may ask any
		s.tables = db.Tables()
	}
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
	defer s.release(ctx, l)
	return l.faults, nil
}

// Close ends the server, and the questions that are being answered.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.open.Lock() // whoever still answers is done when this gets through
	defer s.open.Unlock()
	s.closed = true
	return errors.Join(err, s.db.Close())
}

// builder is what the queries of one reader are built with.
func (s *Server) builder(l *loaded, state query.State) *query.Builder {
	return &query.Builder{File: s.config.File, Definition: l.definition, Sources: l.sources, Faults: l.faults, State: state, Now: time.Now().UTC()}
}

// draw draws an element of a sheet on a version of the data.
func (s *Server) draw(ctx context.Context, l *loaded, sheetID, id string, state query.State) (*visual.Drawing, error) {
	e, ok := find(l.definition, sheetID, id)
	if !ok {
		return nil, errNotFound
	}
	b := s.builder(l, state)
	var d *visual.Drawing
	var failed error // by the data, not by the definition
	if e.text != nil {
		d = visual.DrawTextBox(b, e.text)
	} else {
		d = visual.Draw(ctx, b, func(ctx context.Context, q *query.Query) ([][]any, error) {
			rows, err := l.data.Ask(ctx, q.SQL)
			failed = errors.Join(failed, err)
			return rows, err
		}, sheetID, e.visual, e.path)
	}
	d.ID = cmp.Or(d.ID, id)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(failed, sql.ErrChanged) {
		return nil, failed
	}
	return d, nil
}
