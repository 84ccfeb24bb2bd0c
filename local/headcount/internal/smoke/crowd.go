package smoke

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang/geo/s2"

	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/suppress"
	"github.com/headcount-etl/headcount/shared/event"
)

// area is a window at a place, by its index, near any place, which is "", or in a cell.
type area struct {
	start time.Time
	where string
}

// crowd is the ids of those in an area, by gender and age band.
type crowd map[area]map[[2]string]map[string]bool

func (c crowd) add(at area, group [2]string, id string) {
	if c[at] == nil {
		c[at] = map[[2]string]map[string]bool{}
	}
	if c[at][group] == nil {
		c[at][group] = map[string]bool{}
	}
	c[at][group][id] = true
}

// tabled is an area as package suppress has it.
func (c crowd) tabled(at area) suppress.Place {
	all, cells := map[string]bool{}, []suppress.Cell(nil)
	for group, ids := range c[at] {
		gender, _ := event.ParseGender(group[0])
		band, _ := event.ParseAgeBand(group[1])
		cells = append(cells, suppress.Cell{Group: int(gender)*len(event.AgeBands) + int(band), People: len(ids)})
		for id := range ids {
			all[id] = true
		}
	}
	return suppress.Place{Cells: cells, People: len(all)}
}

// row is a row as rowsQuery has it.
func row(at area, f Flow, name, gender, band string, people int, published bool, more ...string) []string {
	n := ""
	if published {
		n = strconv.Itoa(people)
	}
	return append([]string{
		at.start.Format(time.DateTime), name, gender, band, n, fmt.Sprint(!published), at.start.Add(time.Duration(f.Window)).Format(time.DateTime),
	}, more...)
}

func (c crowd) headcounts(list []places.Place, f Flow) (rows [][]string) {
	for at, groups := range c {
		i, err := strconv.Atoi(at.where)
		if err != nil {
			continue
		}
		p := list[i]
		for group, ids := range groups {
			rows = append(rows, row(at, f, p.ID, group[0], group[1], len(ids), len(ids) >= f.MinPeople, p.Name, decimal(p.Latitude), decimal(p.Longitude), decimal(p.RadiusM)))
		}
	}
	return rows
}

func (c crowd) totals(list []places.Place, f Flow) (rows [][]string) {
	for at := range c {
		if at.where != "" {
			continue
		}
		var there []int
		var tabled []suppress.Place
		for i := range list {
			if a := (area{at.start, strconv.Itoa(i)}); c[a] != nil {
				there, tabled = append(there, i), append(tabled, c.tabled(a))
			}
		}
		people := c.tabled(at).People
		each, together := suppress.Totals(f.MinPeople, tabled, people)
		rows = append(rows, row(at, f, totalOf, "", "", people, together, "", "", "", ""))
		for n, i := range there {
			rows = append(rows, row(at, f, totalOf+list[i].ID, "", "", tabled[n].People, each[n], list[i].Name, "", "", ""))
		}
	}
	return rows
}

// fewest is how many people a cell must have at least, whatever MIN_PEOPLE is.
const fewest = 5

func (c crowd) hotspots(f Flow) (rows [][]string) {
	k := max(f.MinPeople, fewest)
	for at, groups := range c {
		token, ok := strings.CutPrefix(at.where, inCell)
		here := c.tabled(at)
		if !ok || here.People < k {
			continue
		}
		centre := s2.CellIDFromToken(token).LatLng()
		of := []string{strconv.Itoa(here.People), decimal(centre.Lat.Degrees()), decimal(centre.Lng.Degrees()), ""}
		if !suppress.Breakdown(k, here) {
			rows = append(rows, row(at, f, at.where, "", "", 0, false, of...))
			continue
		}
		for group, ids := range groups {
			rows = append(rows, row(at, f, at.where, group[0], group[1], len(ids), len(ids) >= k, of...))
		}
	}
	return rows
}
