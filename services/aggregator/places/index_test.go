package places

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// nearByForce is what Near must give, straight from the definition.
func nearByForce(places []Place, lat, lon float64) []int32 {
	var near []int32
	for i, p := range places {
		if Distance(p.Latitude, p.Longitude, lat, lon) <= p.RadiusM {
			near = append(near, int32(i))
		}
	}
	return near
}

// degrees draws latitudes or longitudes, often the extreme ones and those near
// to a position that was drawn before.
func degrees(limit float64, known []float64) *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 {
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			return rapid.SampledFrom([]float64{-limit, limit, 0, math.Copysign(0, -1), math.Nextafter(limit, 0)}).Draw(t, "edge")
		case 1, 2:
			if len(known) > 0 {
				step := rapid.Float64Range(-1, 1).Draw(t, "step") * math.Pow(10, -float64(rapid.IntRange(0, 15).Draw(t, "scale")))
				return max(-limit, min(limit, rapid.SampledFrom(known).Draw(t, "known")+step))
			}
		case 3:
			if len(known) > 0 {
				return rapid.SampledFrom(known).Draw(t, "known")
			}
		}
		return rapid.Float64Range(-limit, limit).Draw(t, "anywhere")
	})
}

func TestNearIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lats, lons []float64
		position := func(what string) (float64, float64) {
			lat := degrees(90, lats).Draw(t, what+" latitude")
			lon := degrees(180, lons).Draw(t, what+" longitude")
			lats, lons = append(lats, lat), append(lons, lon)
			return lat, lon
		}
		var queries [][2]float64
		for range rapid.IntRange(1, 5).Draw(t, "queries") {
			lat, lon := position("query")
			queries = append(queries, [2]float64{lat, lon})
		}
		var places []Place
		for i := range rapid.IntRange(1, 30).Draw(t, "places") {
			lat, lon := position("place")
			p := Place{ID: fmt.Sprint(i), Latitude: lat, Longitude: lon}
			switch rapid.IntRange(0, 3).Draw(t, "radius") {
			case 0: // A query lies on the edge, or a hair inside or outside.
				q := rapid.SampledFrom(queries).Draw(t, "query on the edge")
				p.RadiusM = Distance(lat, lon, q[0], q[1])
				p.RadiusM = math.Nextafter(p.RadiusM, p.RadiusM+float64(rapid.IntRange(-1, 1).Draw(t, "hair")))
			case 1:
				p.RadiusM = math.Pow(10, rapid.Float64Range(-12, 7.3).Draw(t, "power"))
			case 2:
				p.RadiusM = rapid.SampledFrom([]float64{math.SmallestNonzeroFloat64, MaxRadiusM, math.Pi * EarthRadiusM}).Draw(t, "extreme")
			default:
				p.RadiusM = 1000
			}
			p.RadiusM = max(math.SmallestNonzeroFloat64, min(MaxRadiusM, p.RadiusM))
			places = append(places, p)
		}
		index, err := New(places)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queries {
			got := index.Near(q[0], q[1], nil)
			slices.Sort(got)
			if want := nearByForce(places, q[0], q[1]); !slices.Equal(got, want) {
				t.Fatalf("near %v: %v, want %v", q, got, want)
			}
		}
	})
}

// TestNearIsExactInACity has many places in each cube.
func TestNearIsExactInACity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	places := city(r, 3000, 0.3, 1000)
	for i := range places {
		places[i].RadiusM = math.Exp(r.NormFloat64()*2 + 5)
	}
	index, err := New(places)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for range 3000 {
		lat, lon := 40.5+r.Float64()*0.4, -74.2+r.Float64()*0.4
		got := index.Near(lat, lon, nil)
		slices.Sort(got)
		found += len(got)
		if want := nearByForce(places, lat, lon); !slices.Equal(got, want) {
			t.Fatalf("near %v, %v: %v, want %v", lat, lon, got, want)
		}
	}
	if found < 3000 {
		t.Errorf("only %d were found: the test looks in the wrong places", found)
	}
}

func TestNearKnownDistances(t *testing.T) {
	// A quarter of a meridian; 0.002 degrees over the antimeridian; over the pole.
	quarter := math.Pi / 2 * EarthRadiusM
	for _, c := range []struct {
		name     string
		place    Place
		lat, lon float64
		near     bool
	}{
		{"pole from the equator, far enough", Place{"a", "", 90, 0, quarter * (1 + 1e-12)}, 0, 77, true},
		{"pole from the equator, too near", Place{"a", "", 90, 0, quarter * (1 - 1e-12)}, 0, 77, false},
		{"over the antimeridian", Place{"a", "", 0, 179.999, 223}, 0, -179.999, true},
		{"over the antimeridian, too far", Place{"a", "", 0, 179.999, 222}, 0, -179.999, false},
		{"over the pole", Place{"a", "", 89.999, 0, 223}, 89.999, 180, true},
		{"180 is -180", Place{"a", "", 12, 180, 0.001}, 12, -180, true},
		{"the pole has every longitude", Place{"a", "", 90, 0, 0.001}, 90, 123, true},
		{"the antipode", Place{"a", "", 0, 0, MaxRadiusM}, 0, 180, true},
		{"the antipode, too far", Place{"a", "", 0, 0, 20_015_000}, 0, 180, false},
	} {
		index, err := New([]Place{c.place})
		if err != nil {
			t.Fatal(err)
		}
		if near := len(index.Near(c.lat, c.lon, nil)) == 1; near != c.near {
			t.Errorf("%s: near is %v", c.name, near)
		}
	}
}

func TestNearNothingWhereNothingIs(t *testing.T) {
	index, err := New([]Place{{"a", "", 0, 0, MaxRadiusM}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range [][2]float64{
		{math.NaN(), 0},
		{0, math.NaN()},
		{90.01, 0},
		{0, 180.01},
		{math.Inf(1), 0},
		{0, math.Inf(-1)},
	} {
		if got := index.Near(q[0], q[1], nil); len(got) != 0 {
			t.Errorf("%v: %v", q, got)
		}
	}
}

func TestNearAppendsAndAllocatesNothing(t *testing.T) {
	index, err := New(city(rand.New(rand.NewPCG(1, 2)), 1000, 0.3, 1000))
	if err != nil {
		t.Fatal(err)
	}
	into := make([]int32, 1, 100)
	into[0] = -7
	if got := index.Near(40.7, -74, into); len(got) < 2 || got[0] != -7 {
		t.Errorf("got %v", got)
	}
	if n := testing.AllocsPerRun(100, func() { index.Near(40.7, -74, into) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNewFaults(t *testing.T) {
	good := Place{"a", "", 1, 2, 3}
	for name, places := range map[string][]Place{
		"none":           nil,
		"twice":          {good, good},
		"no id":          {{"", "", 1, 2, 3}},
		"id not UTF-8":   {{"\xff", "", 1, 2, 3}},
		"name not UTF-8": {{"a", "\xff", 1, 2, 3}},
		"latitude":       {{"a", "", 90.1, 2, 3}},
		"longitude":      {{"a", "", 1, -180.1, 3}},
		"latitude NaN":   {{"a", "", math.NaN(), 2, 3}},
		"longitude NaN":  {{"a", "", 1, math.NaN(), 3}},
		"radius 0":       {{"a", "", 1, 2, 0}},
		"radius NaN":     {{"a", "", 1, 2, math.NaN()}},
		"radius -1":      {{"a", "", 1, 2, -1}},
		"radius huge":    {{"a", "", 1, 2, MaxRadiusM + 1}},
	} {
		if _, err := New(places); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// city spreads places over a square so many degrees wide.
func city(r *rand.Rand, n int, width, radius float64) []Place {
	places := make([]Place, n)
	for i := range places {
		places[i] = Place{
			ID: fmt.Sprint(i), Latitude: 40.55 + r.Float64()*width, Longitude: -74.15 + r.Float64()*width, RadiusM: radius,
		}
	}
	return places
}

func BenchmarkNear(b *testing.B) {
	for _, c := range []struct {
		places        int
		width, radius float64
	}{
		{1_000, 0.3, 1000},   // a city
		{100_000, 3, 1000},   // as dense, and a hundred times as large
		{100_000, 0.3, 200},  // a city with a place at every other door
		{1_000, 0.3, 50_000}, // everything is near
	} {
		b.Run(fmt.Sprintf("places=%d/width=%v/radius=%v", c.places, c.width, c.radius), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			index, err := New(city(r, c.places, c.width, c.radius))
			if err != nil {
				b.Fatal(err)
			}
			queries := city(r, 1<<14, c.width, 1)
			var into []int32
			found, i := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				q := &queries[i&(1<<14-1)]
				i++
				into = index.Near(q.Latitude, q.Longitude, into[:0])
				found += len(into)
			}
			b.ReportMetric(float64(found)/float64(b.N), "places/op")
			b.ReportMetric(float64(len(index.entries))/float64(c.places), "entries/place")
		})
	}
}

func BenchmarkNew(b *testing.B) {
	places := city(rand.New(rand.NewPCG(1, 2)), 100_000, 3, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(places); err != nil {
			b.Fatal(err)
		}
	}
}
