package counts

import (
	"testing"
	"time"
)

func TestTooManyPeople(t *testing.T) {
	s := mustSet(t, 0, time.Hour, 1)
	s.people.most = 3
	for n := range uint64(3) {
		s.mustAdd(t, input{p: person(n)})
	}
	if err := s.Add(0, 0, 0, 0, person(9)); err == nil {
		t.Error("no error for the fourth person")
	}
	s.mustAdd(t, input{p: person(2)}) // One who is known still fits.
	if s.Len() != 3 {
		t.Errorf("%d rows, want 3", s.Len())
	}
}
