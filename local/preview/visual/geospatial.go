package visual

import (
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// mostPoints is how many points a map has at most.
const mostPoints = 5000

// geospatial reads a map of points.
func (p *plan) geospatial(c types.GeospatialMapConfiguration) {
	p.drawing.Kind = "map"
	wells := deref(deref(c.FieldWells).GeospatialMapAggregatedFieldWells)
	measures := p.measures(wells.Values)
	places := p.dimensions(wells.Geospatial)
	colors := p.first(wells.Colors)
	m := &geography{plan: p, colors: colors, palette: c.VisualPalette}
	if m.latitude, m.longitude = coordinates(places); m.latitude == nil {
		p.placeholder("GeospatialMapVisual without a latitude and a longitude")
		return
	}
	for _, f := range places {
		if f != m.latitude && f != m.longitude {
			m.labels = append(m.labels, f)
		}
	}
	if len(measures) > 0 {
		m.size, m.labels = measures[0], append(m.labels, measures[1:]...)
	}
	spec := query.Spec{
		Dimensions: asked(append(slices.Clone(places), nonNil(colors)...)...), Measures: asked(measures...),
		MaxRows: mostPoints,
	}
	if m.size != nil { // the greatest first: they are those that a cut leaves
		spec.Sorts = []query.Sort{{FieldID: m.size.ID, Descending: true}}
	}
	p.ask(spec, m.draw)
}

var (
	latitudes  = regexp.MustCompile(`(?i)(^|[^a-z])lat|latitude`)
	longitudes = regexp.MustCompile(`(?i)(^|[^a-z])(lon|lng)|longitude`)
)

// coordinates finds latitude and longitude among the fields of a map: by their
// columns' names, else the first two numbers. Data sets say which column is
// which, definitions do not.
func coordinates(places []*field) (latitude, longitude *field) {
	var numbers []*field
	for _, f := range places {
		switch {
		case latitude == nil && latitudes.MatchString(f.Column):
			latitude = f
		case longitude == nil && longitudes.MatchString(f.Column):
			longitude = f
		case f.format.Type == "number":
			numbers = append(numbers, f)
		}
	}
	if latitude == nil && longitude == nil && len(numbers) > 1 {
		return numbers[0], numbers[1]
	}
	if latitude == nil || longitude == nil {
		return nil, nil
	}
	return latitude, longitude
}

// geography is a map on its way to a Drawing.
type geography struct {
	plan                *plan
	latitude, longitude *field
	size, colors        *field // nil for none
	labels              []*field
	palette             *types.VisualPalette
}

func (m *geography) draw(a *answer) {
	p := m.plan
	fitted(a, p.fields)
	d := &Map{Points: []Point{}, More: a.more}
	if m.size != nil {
		d.Size = m.size.label()
	}
	if m.colors != nil {
		d.Color = m.colors.name
		colorOf := p.colorsOf(m.colors, m.palette)
		for _, v := range a.distinct(a.arrange(a.rows, m.colors.ID, []query.Sort{{FieldID: m.colors.ID}}), m.colors.ID) {
			d.Colors, d.Palette = append(d.Colors, written(v, m.colors.format)), append(d.Palette, colorOf(v))
		}
		if len(d.Colors) > mostPointColors {
			d.Colors, d.Palette = nil, nil
		}
	}
	nowhere := 0
	for _, row := range a.rows {
		latitude, ok := number(a.at(row, m.latitude.ID))
		longitude, also := number(a.at(row, m.longitude.ID))
		if !ok || !also || latitude < -90 || latitude > 90 || longitude < -180 || longitude > 180 {
			nowhere++
			continue
		}
		point := Point{Latitude: latitude, Longitude: longitude}
		if m.size != nil {
			point.Size = a.cell(row, m.size)
		}
		if m.colors != nil {
			point.Color = a.cell(row, m.colors).Text
		}
		for _, f := range m.labels {
			point.Labels = append(point.Labels, PointLabel{Name: f.name, Text: a.cell(row, f).Text})
		}
		d.Points = append(d.Points, point)
	}
	if nowhere > 0 {
		p.notes.add("%d points without a place are not drawn", nowhere)
	}
	if len(d.Points) == 0 {
		p.drawing.Empty = true
		return
	}
	p.drawing.Map = d
}

// mostPointColors is how many colours of points an eye distinguishes. Where a
// map would have more, as one for each place, all points have the same, and the
// value is in the tooltip alone.
const mostPointColors = 12
