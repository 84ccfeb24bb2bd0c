package simulate

import (
	"testing"
	"time"
)

// TestGatheringsAreAtNoPlace: who is at a gathering is near none of the sample places,
// however far from the middle, and however wrong the phone.
func TestGatheringsAreAtNoPlace(t *testing.T) {
	places, err := samplePlaces()
	if err != nil {
		t.Fatal(err)
	}
	const radius, blur = 200, 60 // metres
	for _, g := range gatherings {
		for share := 0.0; share <= 1; share += 1.0 / 64 {
			middle := point{g.from.x + share*(g.to.x-g.from.x), g.from.y + share*(g.to.y-g.from.y)}
			for _, place := range places {
				if d := middle.distance(place); d < radius+g.limit+blur {
					t.Errorf("the gathering from %+v comes within %.0f m of a place", g.from, d)
				}
			}
		}
	}
}

// TestPeopleGather counts the people around the middle of each gathering, over a day
// and from the hour at which a demo begins: of 300, five (a suppressed cell has fewer)
// or more from an hour after its beginning, and next to nobody before and after it.
func TestPeopleGather(t *testing.T) {
	const slots = 24 * 12 // of five minutes of the city's day
	midnight := start.Truncate(24 * time.Hour).Add(-time.Hour)
	for _, tt := range []struct {
		seed  uint64
		start time.Time
		hours int
	}{{0, midnight, 24}, {1, start, 6}, {2, midnight, 24}} {
		c := sampled(300, tt.hours*60)
		c.Seed, c.Start, c.Interval = tt.seed, tt.start, 4*time.Minute
		c.FaultShare, c.NoConsentShare = 0, 0
		there := make([][slots]map[string]bool, len(gatherings))
		for sent := range newCity(t, c).Events(t.Context()) {
			e := decode(t, sent.Line)
			at := sent.At.UnixMicro()
			slot := sinceMidnight(at) / (5 * time.Minute).Microseconds()
			for i := range gatherings {
				since, until, _ := gatherings[i].on(at)
				if pointAt(e.Position.Latitude, e.Position.Longitude).distance(gatherings[i].middle(min(max(at, since), until))) > 150 {
					continue
				}
				if there[i][slot] == nil {
					there[i][slot] = map[string]bool{}
				}
				there[i][slot][e.User.ID] = true
			}
		}
		first := sinceMidnight(tt.start.UnixMicro()) / time.Minute.Microseconds()
		for i, g := range gatherings {
			most := 0
			for minute := first; minute < first+int64(tt.hours)*60; minute += 5 {
				people := len(there[i][minute/5])
				most = max(most, people)
				switch on := minute >= g.since && minute < g.until; {
				case on && minute >= g.since+60 && people < 5:
					t.Errorf("seed %d, gathering %d: %d people at %02d:%02d", tt.seed, i, people, minute/60, minute%60)
				case !on && (minute < g.since-60 || minute > g.until+30) && people > 7:
					t.Errorf("seed %d, gathering %d: %d people at %02d:%02d, when it is not on", tt.seed, i, people, minute/60, minute%60)
				}
			}
			t.Logf("seed %d, gathering %d: %d people at most", tt.seed, i, most)
			if seen := first+int64(tt.hours)*60 > g.since; seen && (most < 15 || most > 90) {
				t.Errorf("seed %d, gathering %d: %d people at most", tt.seed, i, most)
			}
		}
	}
}
