package views_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
)

// TestEventsNameNothingPersonal: of the personal fields only the position, cut to
// three decimals, and the event's own id, to tell copies, are looked at.
func TestEventsNameNothingPersonal(t *testing.T) {
	text := views.Events("lake").SQL
	allowed := map[string]string{
		"position.latitude":  "round(position.latitude, 3)",
		"position.longitude": "round(position.longitude, 3)",
	}
	personal := 0
	for _, f := range event.Fields() {
		if !f.Personal {
			continue
		}
		personal++
		uses := regexp.MustCompile(`\b`+regexp.QuoteMeta(f.Path)+`\b`).FindAllStringIndex(text, -1)
		if want := strings.Count(text, allowed[f.Path]); allowed[f.Path] == "" && len(uses) > 0 || allowed[f.Path] != "" && len(uses) != want {
			t.Errorf("events_safe shows %s", f.Path)
		}
	}
	if personal < 5 {
		t.Fatalf("only %d personal fields: what was looked at?", personal)
	}
	// What is not a field but the whole of a group, or of the row, would show
	// all of its members.
	final := text[strings.LastIndex(text, "SELECT"):]
	for _, group := range []string{"user", "position", "device", "session", `\*`} {
		if regexp.MustCompile(`(^|[ ,(])` + group + `([ ,)]|$)`).MatchString(final) {
			t.Errorf("events_safe shows all of %s", group)
		}
	}
}

func TestColumns(t *testing.T) {
	for _, tt := range []struct {
		view views.View
		want string
	}{
		{views.Events("t"), "occurred_hour:timestamp latitude:double longitude:double accuracy_m:double platform:string os_version:string app_version:string lag_minutes:bigint year:string month:string day:string"},
		{views.Published(results.Headcounts, "t", "v1", views.Days), "window_start:timestamp window_end:timestamp poi_id:string poi_name:string poi_latitude:double poi_longitude:double radius_m:double gender:string age_band:string people:bigint suppressed:boolean flow:string year:string month:string day:string"},
		{views.Published(results.Hotspots, "t", "v1", views.Days), "window_start:timestamp window_end:timestamp cell:string latitude:double longitude:double cell_people:bigint gender:string age_band:string people:bigint suppressed:boolean flow:string year:string month:string day:string"},
	} {
		var got []string
		for _, c := range tt.view.Columns {
			got = append(got, c.Name+":"+c.Type)
		}
		if !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%s: %s", tt.view.Name, got)
		}
	}
}

func TestFlowIsALiteral(t *testing.T) {
	if got := views.Published(results.Totals, "t", "v1' OR ''='", 0).SQL; !strings.HasSuffix(got, `WHERE flow = 'v1'' OR ''''='''`) {
		t.Error(got)
	}
}
