package partials

import (
	"math"

	"github.com/golang/geo/s2"

	"github.com/headcount-etl/headcount/shared/event"
)

// cells says in which cells of the ground events are counted: of an S2 level, 0 for none,
// from the first window on that starts then, in ms since the Unix epoch.
type cells struct {
	level int
	from  int64
}

// The levels that there may be: in larger cells nobody gathers, in smaller ones somebody
// lives (http://s2geometry.io/resources/s2cell_statistics: 12 is 2 km wide, 15 some 250 m,
// 17 some 70 m).
const (
	MinLevel     = 12
	MaxLevel     = 17
	DefaultLevel = 15
)

// IsLevel reports whether there may be cells of a level, or none, which is 0.
func IsLevel(level int) bool { return level == 0 || level >= MinLevel && level <= MaxLevel }

// at gives the cell of an event whose window starts then; 0 for none.
func (c cells) at(start int64, m *event.Masked) uint64 {
	if c.level == 0 || start < c.from || !(math.Abs(m.Latitude) <= 90 && math.Abs(m.Longitude) <= 180) {
		return 0
	}
	return uint64(s2.CellIDFromLatLng(s2.LatLngFromDegrees(m.Latitude, m.Longitude)).Parent(c.level))
}
