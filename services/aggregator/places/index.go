package places

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Index finds the places near a position. It does not change, and may be used
// by several goroutines.
//
// Positions are points on the unit sphere in three dimensions, where a circle
// on the ground is a ball around its centre: neither the poles nor the
// antimeridian are special. Space is cut into cubes; a place is listed in every
// cube that its ball touches, so a query reads the one cube that it lies in.
// There are 21 sizes of cubes, each half as wide as the one before, and a place
// is listed in the smallest that is at least twice as wide as its radius, so
// that it touches few. The first size is one cube around the whole sphere: it
// holds the places with radii of continental size.
type Index struct {
	places []Place
	// levels are the sizes of cubes that hold places, and entries the lists of
	// all cubes, one after another.
	levels  []level
	entries []entry
}

// level is the hash table of the cubes of one size. The number of slots is a
// power of two.
type level struct {
	// cubes is the number of cubes along each axis.
	cubes float64
	slots []slot
	shift uint
}

// slot says which entries a cube's list has. An empty slot has an empty list.
type slot struct {
	cube       uint64
	start, end uint32
}

// entry is a place in a cube's list. It holds what a query compares.
type entry struct {
	x, y, z float64
	// limit is the squared chord above which a position is certainly not near.
	// One that is not more than doubt below it needs the exact formula. doubt
	// is held as the bits of a float64, which compare as the numbers do as long
	// as they are not negative, and above all of them if they are.
	limit float64
	doubt uint64
	place int32
}

const (
	// maxLevel bounds the number of cubes along an axis to 2^20, 12 m wide.
	maxLevel = 20
	// pad, in radii of the sphere, is more than what rounding can move a
	// coordinate by: 6 micrometres.
	pad = 1e-12
)

// New builds the index. It fails, all faults joined, if a place is not sound or
// an ID is there twice, and if there are no places.
func New(places []Place) (*Index, error) {
	if err := check(places); err != nil {
		return nil, err
	}
	x := &Index{places: slices.Clone(places)}
	var byLevel [maxLevel + 1][]int32
	for i, p := range places {
		k := levelOf(chord(p.RadiusM))
		byLevel[k] = append(byLevel[k], int32(i)) //nolint:gosec // check bounds the number.
	}
	for k, members := range byLevel {
		if len(members) > 0 {
			x.addLevel(k, members)
		}
	}
	return x, nil
}

func check(places []Place) error {
	if len(places) == 0 {
		return errors.New("there are no places")
	}
	if len(places) > math.MaxInt32 {
		return fmt.Errorf("there are %d places, at most %d are possible", len(places), math.MaxInt32)
	}
	var errs []error
	seen := make(map[string]bool, len(places))
	for _, p := range places {
		if err := p.Check(); err != nil {
			errs = append(errs, err)
		}
		if seen[p.ID] {
			errs = append(errs, fmt.Errorf("place %q is there twice", p.ID))
		}
		seen[p.ID] = true
	}
	return errors.Join(errs...)
}

// vector gives the point on the unit sphere of a position in degrees.
func vector(lat, lon float64) [3]float64 {
	const rad = math.Pi / 180
	sinLat, cosLat := math.Sincos(lat * rad)
	sinLon, cosLon := math.Sincos(lon * rad)
	return [3]float64{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// chord gives the straight line between two points of the unit sphere that are
// so many metres apart on the ground: 2 sin(d / 2R).
func chord(distanceM float64) float64 {
	return 2 * math.Sin(min(distanceM/(2*EarthRadiusM), math.Pi/2))
}

// levelOf gives the level of the smallest cubes that are at least twice as wide
// as a ball's radius, or of the largest cube.
func levelOf(radius float64) int {
	k := 0
	for k < maxLevel && math.Ldexp(2, -(k+1)) >= 2*radius {
		k++
	}
	return k
}

// cell gives the number of the cube in which a coordinate lies, on one axis.
func cell(coordinate, cubes float64) uint64 {
	return uint64(max(0, min((coordinate+1)/2*cubes, cubes-1)))
}

func cubeID(x, y, z uint64) uint64 { return x<<42 | y<<21 | z }

// member is a place in a cube, while a level is being built.
type member struct {
	cube  uint64
	place int32
}

func (x *Index) addLevel(k int, indices []int32) {
	cubes := math.Ldexp(1, k)
	var members []member
	for _, i := range indices {
		p := x.places[i]
		members = appendCubes(members, i, vector(p.Latitude, p.Longitude), chord(p.RadiusM)+pad, cubes)
	}
	slices.SortStableFunc(members, func(a, b member) int {
		switch {
		case a.cube < b.cube:
			return -1
		case a.cube > b.cube:
			return 1
		}
		return 0
	})

	// At most half of the slots are taken.
	used := 0
	for i, m := range members {
		if i == 0 || members[i-1].cube != m.cube {
			used++
		}
	}
	bits := uint(1)
	for 1<<bits < 2*used {
		bits++
	}
	l := level{cubes: cubes, slots: make([]slot, 1<<bits), shift: 64 - bits}
	for i := 0; i < len(members); {
		start := len(x.entries)
		cube := members[i].cube
		for ; i < len(members) && members[i].cube == cube; i++ {
			x.entries = append(x.entries, x.entryOf(members[i].place))
		}
		at := l.hash(cube)
		for l.slots[at].end != 0 {
			at = (at + 1) & (len(l.slots) - 1)
		}
		l.slots[at] = slot{cube, uint32(start), uint32(len(x.entries))} //nolint:gosec // 4 billion entries do not fit.
	}
	x.levels = append(x.levels, l)
}

// appendCubes appends the cubes that a ball touches.
func appendCubes(members []member, place int32, centre [3]float64, radius, cubes float64) []member {
	var low, high [3]uint64
	for axis, c := range centre {
		low[axis], high[axis] = cell(c-radius, cubes), cell(c+radius, cubes)
	}
	for i := low[0]; i <= high[0]; i++ {
		for j := low[1]; j <= high[1]; j++ {
			for k := low[2]; k <= high[2]; k++ {
				gap := square(outside(centre[0], i, cubes)) + square(outside(centre[1], j, cubes)) +
					square(outside(centre[2], k, cubes))
				if gap <= square(radius) {
					members = append(members, member{cubeID(i, j, k), place})
				}
			}
		}
	}
	return members
}

// outside says how far a coordinate is from a cube, on one axis.
func outside(coordinate float64, number uint64, cubes float64) float64 {
	low := float64(number)/cubes*2 - 1
	return max(0, low-coordinate, coordinate-(low+2/cubes))
}

func square(v float64) float64 { return v * v }

// entryOf computes the bounds between which rounding might make the squared
// chord and the haversine formula disagree: some ten times the error of either.
// The error of a squared chord is proportional to the chord, as the coordinates
// that it is the difference of are all of order 1.
func (x *Index) entryOf(place int32) entry {
	p := x.places[place]
	v := vector(p.Latitude, p.Longitude)
	c := chord(p.RadiusM)
	slack := 1e-14*(c+c*c) + 1e-28
	return entry{x: v[0], y: v[1], z: v[2], limit: c*c + slack, doubt: math.Float64bits(3 * slack), place: place}
}

// hash spreads the cubes over the slots, by Fibonacci hashing.
func (l *level) hash(cube uint64) int {
	return int(cube * 0x9E3779B97F4A7C15 >> l.shift) //nolint:gosec // shift leaves the bits of an index.
}

// Near appends to into the indices of all places whose Distance from the
// position, in degrees, is at most their radius, in no particular order. A
// position out of range, or NaN, is near nothing. It allocates only where into
// has no room for the places that are looked at.
func (x *Index) Near(lat, lon float64, into []int32) []int32 {
	if !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) {
		return into
	}
	v := vector(lat, lon)
	for i := range x.levels {
		l := &x.levels[i]
		cube := cubeID(cell(v[0], l.cubes), cell(v[1], l.cubes), cell(v[2], l.cubes))
		at := l.hash(cube)
		for l.slots[at].cube != cube && l.slots[at].end != 0 {
			at = (at + 1) & (len(l.slots) - 1)
		}
		list := x.entries[l.slots[at].start:l.slots[at].end]
		// Every place is written down, and the next one over it if it is not
		// near: no processor could predict a branch.
		n := len(into)
		into = slices.Grow(into, len(list))[:n+len(list)]
		for j := range list {
			e := &list[j]
			dx, dy, dz := v[0]-e.x, v[1]-e.y, v[2]-e.z
			left := math.Float64bits(e.limit - (dx*dx + dy*dy + dz*dz))
			near := int(^left >> 63) //nolint:gosec // 1 if left is not negative.
			if left < e.doubt && !x.nearExactly(e.place, lat, lon) {
				near = 0
			}
			into[n] = e.place
			n += near
		}
		into = into[:n]
	}
	return into
}

func (x *Index) nearExactly(place int32, lat, lon float64) bool {
	p := &x.places[place]
	return Distance(p.Latitude, p.Longitude, lat, lon) <= p.RadiusM
}
