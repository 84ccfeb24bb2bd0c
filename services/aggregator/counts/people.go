package counts

import (
	"bytes"
	"encoding/binary"

	"github.com/headcount-etl/headcount/shared/event"
)

// people gives each person a number, counting from 0, and remembers it: a hash
// table with linear probing. Its zero value is empty.
type people struct {
	list []event.Person
	// slots holds numbers plus 1, 0 where there is none; their number is a
	// power of two, of which at most three quarters are taken.
	slots []uint32
	// most is how many people there may be, MaxPeople where it is 0.
	most int
}

// number gives a person's number. It gives false if the person is new and there
// is no room.
func (l *people) number(p event.Person) (uint64, bool) {
	if 4*len(l.list) >= 3*len(l.slots) {
		l.resize(max(1<<10, 2*len(l.slots)))
	}
	mask := len(l.slots) - 1
	at := hash(p) & mask
	for ; l.slots[at] != 0; at = (at + 1) & mask {
		if n := l.slots[at] - 1; l.list[n] == p {
			return uint64(n), true
		}
	}
	most := MaxPeople
	if l.most != 0 {
		most = l.most
	}
	if len(l.list) >= most {
		return 0, false
	}
	l.list = append(l.list, p)
	l.slots[at] = uint32(len(l.list)) //nolint:gosec // At most MaxPeople.
	return uint64(l.slots[at] - 1), true
}

// hash mixes a person's bytes. They are the output of a keyed hash, so nobody
// can choose them to collide.
func hash(p event.Person) int {
	low, high := binary.LittleEndian.Uint64(p[:8]), binary.LittleEndian.Uint64(p[8:])
	return int((low ^ high*0x9E3779B97F4A7C15) * 0x9E3779B97F4A7C15 >> 32) //nolint:gosec // 32 bits are left.
}

// replace sets another list of the same people.
func (l *people) replace(list []event.Person) {
	l.list = list
	l.resize(len(l.slots))
}

// resize files the people anew.
func (l *people) resize(slots int) {
	l.slots = make([]uint32, slots)
	mask := slots - 1
	for i, p := range l.list {
		at := hash(p) & mask
		for l.slots[at] != 0 {
			at = (at + 1) & mask
		}
		l.slots[at] = uint32(i) + 1 //nolint:gosec // At most MaxPeople.
	}
}

func (l *people) bytes() int { return 16*cap(l.list) + 4*cap(l.slots) }

func comparePersons(a, b event.Person) int { return bytes.Compare(a[:], b[:]) }
