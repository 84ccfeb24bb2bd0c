package visual

import (
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// mostPoints is how many points a map has at most.
const mostPoints = 5000

// geospatial reads a map of points.
func (p *plan) geospatial(c types.GeospatialMapConfiguration) {
	p.drawing.Kind = "map"
	wells := deref(deref(c.FieldWells).GeospatialMapAggregatedFieldWells)
	measures := p.one(p.measures(wells.Values))
	places := p.dimensions(wells.Geospatial)
	colors := p.first(wells.Colors)
	m := &geography{plan: p, name: colors}
	if m.latitude, m.longitude = coordinates(places); m.latitude == nil || m.longitude == nil {
		p.placeholder("GeospatialMapVisual without columns that are called latitude and longitude")
		return
	}
	for _, f := range places {
		if f != m.latitude && f != m.longitude {
			m.name = f
		}
	}
	p.undrawn(colors != nil, "the colours of the points are")
	spec := query.Spec{Dimensions: asked(append(places, nonNil(colors)...)...), Measures: asked(measures...), MaxRows: mostPoints}
	for _, f := range measures { // the greatest first: they are those that a cut leaves
		m.size, spec.Sorts = f, []query.Sort{{FieldID: f.ID, Descending: true}}
	}
	p.ask(spec, m.draw)
}

var (
	latitudes  = regexp.MustCompile(`(?i)(^|[^a-z])lat|latitude`)
	longitudes = regexp.MustCompile(`(?i)(^|[^a-z])(lon|lng)|longitude`)
)

// coordinates finds latitude and longitude among the fields of a map by their columns'
// names, nil for none: data sets say which column is which, definitions do not.
func coordinates(places []*field) (latitude, longitude *field) {
	for _, f := range places {
		switch {
		case latitude == nil && latitudes.MatchString(f.Column):
			latitude = f
		case longitude == nil && longitudes.MatchString(f.Column):
			longitude = f
		}
	}
	return latitude, longitude
}

// geography is a map on its way to a Drawing.
type geography struct {
	plan                *plan
	latitude, longitude *field
	size, name          *field // nil for none
}

func (m *geography) draw(a *answer) {
	p := m.plan
	fitted(a, p.fields)
	d := &Map{Points: []Point{}, More: a.more}
	if m.size != nil {
		d.Size = m.size.label()
	}
	if m.name != nil {
		d.Name = m.name.name
	}
	for _, row := range a.rows {
		latitude, ok := number(a.at(row, m.latitude.ID))
		longitude, also := number(a.at(row, m.longitude.ID))
		if !ok || !also || latitude < -90 || latitude > 90 || longitude < -180 || longitude > 180 {
			continue
		}
		point := Point{Latitude: latitude, Longitude: longitude}
		if m.size != nil {
			point.Size = a.cell(row, m.size)
		}
		if m.name != nil {
			point.Name = a.cell(row, m.name).Text
		}
		d.Points = append(d.Points, point)
	}
	if nowhere := len(a.rows) - len(d.Points); nowhere > 0 {
		p.notes.add("%d points without a place are not drawn", nowhere)
	}
	if p.drawing.Empty = len(d.Points) == 0; !p.drawing.Empty {
		p.drawing.Map = d
	}
}
