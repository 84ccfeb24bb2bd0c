package chaos

import (
	"errors"
	"time"
)

// watch notes what the tasks take, each second, until it is asked for the peaks of
// each service.
func (w *world) watch() func() map[string]usage {
	peaks := map[string]usage{}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for n := 0; ; n++ {
			for service, tasks := range w.tasks {
				for _, t := range tasks {
					u, p := t.usage(), peaks[service]
					peaks[service] = usage{max(u.rss, p.rss), max(u.peak, p.peak), max(u.files, p.files), max(u.sockets, p.sockets)}
					if n%30 == 29 {
						w.logf("%s takes %+v", t, u)
					}
				}
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() map[string]usage {
		close(stop)
		<-stopped
		return peaks
	}
}

const (
	// mostMemory is what a task may take, in KiB: it has 512 MiB on AWS.
	mostMemory = 300 << 10
	// mostFiles: the SDK keeps up to 64 idle connections to a host.
	mostFiles = 100
	// moreGoroutines is by how many an old task may have more than a new one, besides
	// the two of each connection.
	moreGoroutines = 12
)

// checkFlat compares the tasks that have lived through the second half with new ones.
func (w *world) checkFlat(peaks map[string]usage) {
	w.t.Helper()
	fresh := map[string]*task{}
	for _, s := range services {
		fresh[s.Name] = w.newTask(s.Name, tasksEach)
		if err := fresh[s.Name].start(); err != nil {
			w.t.Fatal(err)
		}
	}
	time.Sleep(3 * time.Second) // they are at rest then, and nothing says so
	for _, s := range services {
		old, fresh := w.tasks[s.Name][0], fresh[s.Name]
		was, is := old.usage(), fresh.usage()
		age := time.Since(old.since).Round(time.Second)
		n, byName, err := old.goroutines()
		m, _, err2 := fresh.goroutines()
		if err := errors.Join(err, err2); err != nil {
			w.t.Fatal(err)
		}
		w.t.Logf("%s: after %s %d goroutines, %d descriptors, %d of them sockets, %d MiB, at most %d; a new one has %d, %d, %d, %d MiB; peaks of all: %d descriptors, %d MiB",
			s.Name, age, n, was.files, was.sockets, was.rss>>10, was.peak>>10, m, is.files, is.sockets, is.rss>>10, peaks[s.Name].files, peaks[s.Name].peak>>10)
		if n == 0 {
			w.t.Errorf("%s did not run any more", old)
		}
		if n-2*was.sockets > m-2*is.sockets+moreGoroutines {
			w.t.Errorf("%s has %d goroutines, a new one %d: %v", s.Name, n, m, byName)
		}
		if was.files > mostFiles {
			w.t.Errorf("%s has %d descriptors", s.Name, was.files)
		}
		if peak := max(was.peak, peaks[s.Name].peak); peak > mostMemory {
			w.t.Errorf("%s took %d MiB", s.Name, peak>>10)
		}
	}
}
