package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// imported is the rows of a view, read once for a version of its tables' files and
// kept as long as a snapshot uses them.
type imported struct {
	key   string // of DB.imports
	table string
	uses  int // of snapshots

	columns atomic.Pointer[[]ViewColumn] // once they were asked for

	done chan struct{} // closed when err is there; nil before anybody asked
	err  error
}

// importOf finds the rows of a view for a version of the files, which are there or
// will be read when they are asked for.
func (d *DB) importOf(v View, version string) *imported {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := v.Name + "\x00" + v.SQL + "\x00" + version
	im := d.imports[key]
	if im == nil {
		d.serial++
		im = &imported{key: key, table: fmt.Sprintf("import %d", d.serial)}
		d.imports[key] = im
	}
	im.uses++
	return im
}

// release drops the rows when no snapshot uses them any more.
func (d *DB) release(ctx context.Context, conn *sql.Conn, im *imported) error {
	if im == nil {
		return nil
	}
	d.mu.Lock()
	im.uses--
	last := im.uses == 0
	if last {
		delete(d.imports, im.key)
	}
	d.mu.Unlock()
	if !last {
		return nil
	}
	if _, err := conn.ExecContext(ctx, "DROP TABLE IF EXISTS "+shared+"."+identifier(im.table)); err != nil {
		return fmt.Errorf("end an import: %w", oneLine(err))
	}
	return nil
}

// await waits until the rows of an imported view are there, and has them read if
// nobody has yet. Reading goes on when the one who asked is gone, as others will
// ask the same; so it is a use of the snapshot. The snapshot is locked, but not
// while it waits.
func (s *Snapshot) await(ctx context.Context, r *relation) error {
	im := r.imported
	s.db.mu.Lock()
	if im.done == nil {
		done := make(chan struct{})
		im.done = done
		s.uses++
		s.db.background.Go(func() { //nolint:contextcheck // it outlives the question
			defer func() { _ = s.leave(context.WithoutCancel(s.db.ended)) }() // what is left behind is found by the end of the database
			begun := time.Now()
			err := s.fill(s.db.ended, r) //nolint:contextcheck // it outlives the question
			s.db.mu.Lock()
			defer s.db.mu.Unlock()
			s.db.took.Store(int64(time.Since(begun)))
			im.err = err
			if err != nil {
				im.done = nil // so that the next question tries again
			}
			close(done)
		})
	}
	done := im.done
	s.db.mu.Unlock()
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-done:
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	return im.err
}

// fill reads the rows of an imported view.
func (s *Snapshot) fill(ctx context.Context, r *relation) error {
	conn, err := s.db.conn(ctx, s.schema)
	if err != nil {
		return err
	}
	table := shared + "." + identifier(r.imported.table)
	read, err := s.prepare(ctx, conn, r.SQL)
	if err == nil {
		if _, err = conn.ExecContext(ctx, "CREATE OR REPLACE TABLE "+table+" AS "+r.SQL); err != nil {
			err = fmt.Errorf("import: %w", oneLine(err))
		}
		err = s.verify(ctx, conn, read, err)
	}
	return errors.Join(err, giveUp(ctx, conn))
}

// prepare defines what a statement reads.
func (s *Snapshot) prepare(ctx context.Context, conn *sql.Conn, text string) (read []string, err error) {
	q, err := parse(ctx, conn, text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.need(ctx, conn, q.tables)
}

// ImportTook is how long the last import took, or reading the heads of its files if
// that was longer; 0 before the first.
func (d *DB) ImportTook() time.Duration { return time.Duration(d.took.Load()) }
