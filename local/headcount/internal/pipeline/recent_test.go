package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/views"
)

// TestImportedDays: what is imported is today, the 30 days before it, and
// tomorrow, by the day of arrival; and everything where no days are named.
func TestImportedDays(t *testing.T) {
	db := openViews(t)
	var columns []string
	for _, c := range views.RecentEvents("", 1).Columns {
		value := map[string]string{
			"year": "strftime(d, '%Y')", "month": "strftime(d, '%m')", "day": "strftime(d, '%d')",
		}[c.Name]
		if value == "" {
			value = "NULL"
		}
		columns = append(columns, value+" AS "+c.Name)
	}
	arrived := "(SELECT " + strings.Join(columns, ", ") + " FROM range(DATE '2025-11-01', DATE '2026-03-01', INTERVAL 1 DAY) AS r(d))"
	for _, tt := range []struct {
		days int
		want string
	}{
		{views.ImportedDays, "2025-12-11 2026-01-11 32"},
		{0, "2025-11-01 2026-02-28 120"},
	} {
		view := strings.ReplaceAll(views.RecentEvents(arrived, tt.days).SQL, "current_date", "DATE '2026-01-10'")
		rows, err := db.Ask(t.Context(), "SELECT min(d), max(d), count(*) FROM (SELECT year || '-' || month || '-' || day AS d FROM ("+view+"))")
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%v %v %v", rows[0]...); got != tt.want {
			t.Errorf("%d days: %s, want %s", tt.days, got, tt.want)
		}
	}
}
