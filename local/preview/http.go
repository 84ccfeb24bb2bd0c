package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/preview/web"
)

// poll is how often the files are looked at while a page is open.
const poll = time.Second

// maxState is how long what a reader has chosen may be, in bytes.
const maxState = 1 << 20

var errNotFound = errors.New("there is no such element")

// handler serves the page, its assets and its questions, and nothing else.
func (s *Server) handler(address string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(web.Assets()))
	mux.HandleFunc("GET /api/dashboard", func(w http.ResponseWriter, r *http.Request) {
		l, err := s.load(r.Context())
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		defer s.release(r.Context(), l)
		reply(w, http.StatusOK, s.describe(l))
	})
	mux.HandleFunc("POST /api/visual", s.question(func(ctx context.Context, l *loaded, r *http.Request, state query.State) (any, error) {
		return s.draw(ctx, l, r.URL.Query().Get("sheet"), r.URL.Query().Get("visual"), state)
	}))
	mux.HandleFunc("POST /api/values", s.question(func(ctx context.Context, l *loaded, r *http.Request, state query.State) (any, error) {
		return s.values(ctx, l, r.URL.Query().Get("sheet"), r.URL.Query().Get("control"), state)
	}))
	mux.HandleFunc("GET /api/changes", s.changes)
	return guard(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.open.RLock()
		defer s.open.RUnlock()
		if s.closed {
			refuse(w, http.StatusServiceUnavailable, errors.New("the preview has ended"))
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// guard lets only pages of this very server in. A page elsewhere could have its
// name resolved to 127.0.0.1 (DNS rebinding), so the Host header must be ours; and
// what it sends across must not be answered.
func guard(address string, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(address)
	ours := map[string]bool{address: true, net.JoinHostPort("localhost", port): true, net.JoinHostPort("127.0.0.1", port): true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ours[r.Host] {
			refuse(w, http.StatusForbidden, fmt.Errorf("the preview answers to http://%s only", address))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
			refuse(w, http.StatusForbidden, errors.New("the preview answers to its own page only"))
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// question reads what the reader has chosen, and answers from the version of the
// data that the page shows.
func (s *Server) question(f func(ctx context.Context, l *loaded, r *http.Request, state query.State) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var state query.State
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxState))
		if err == nil && len(body) > 0 {
			err = json.Unmarshal(body, &state)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("state: %w", err))
			return
		}
		// The server's end is the question's, too.
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.ended, cancel)() //nolint:contextcheck // it lasts longer than the request
		l, err := s.version(ctx, r.URL.Query().Get("version"))
		var got any
		if err == nil {
			defer s.release(ctx, l)
			got, err = f(ctx, l, r, state)
		}
		if errors.Is(err, sql.ErrChanged) {
			s.forget(ctx, l)
			err = errGone
		}
		switch {
		case errors.Is(err, errGone):
			refuse(w, http.StatusGone, err)
		case errors.Is(err, errNotFound):
			refuse(w, http.StatusNotFound, err)
		case err != nil:
			refuse(w, http.StatusInternalServerError, err)
		default:
			reply(w, http.StatusOK, got)
		}
	}
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // of an answer: a text is always JSON
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a reader who is gone needs no answer
}

// changes notifies a page of every new version until it is closed.
func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	last := ""
	for {
		version, err := s.current(r.Context())
		if err == nil && version != last {
			last = version
			if _, err := fmt.Fprintf(w, "data: {\"version\":%q}\n\n", version); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.ended.Done():
			return
		}
	}
}

// current is the version that a page is given if it asks now. Data that could not
// be read is tried again for that.
func (s *Server) current(ctx context.Context) (string, error) {
	l, err := s.load(ctx)
	if err != nil {
		return "", err
	}
	defer s.release(ctx, l)
	return l.version, nil
}
