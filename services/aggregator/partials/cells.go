package partials

import (
	"math"

	"github.com/golang/geo/s2"

	"github.com/headcount-etl/headcount/shared/event"
)

// Cells says in which cells of the ground events are counted.
type Cells struct {
	// Level is an S2 level, MinLevel to MaxLevel, or 0 for none
	// (http://s2geometry.io/resources/s2cell_statistics: 12 is 2 km wide, 15 some 250 m,
	// 17 some 70 m).
	Level int
	// From is the first window that counts, by its start in milliseconds since the Unix
	// epoch.
	From int64
}

// The levels that there may be: in larger cells nobody gathers, in smaller ones somebody
// lives.
const (
	MinLevel     = 12
	MaxLevel     = 17
	DefaultLevel = 15
)

// IsLevel reports whether there may be cells of a level, or none, which is 0.
func IsLevel(level int) bool { return level == 0 || level >= MinLevel && level <= MaxLevel }

// at gives the cell of an event whose window starts then; 0 for none.
func (c Cells) at(start int64, m *event.Masked) uint64 {
	if c.Level == 0 || start < c.From || !(math.Abs(m.Latitude) <= 90 && math.Abs(m.Longitude) <= 180) {
		return 0
	}
	return uint64(s2.CellIDFromLatLng(s2.LatLngFromDegrees(m.Latitude, m.Longitude)).Parent(c.Level))
}
