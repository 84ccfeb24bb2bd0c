package lake

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// TestSchemaIsTheTable: the Parquet objects have the columns of the Glue table.
func TestSchemaIsTheTable(t *testing.T) {
	var want []event.Column // leaves, as struct<a:t,…> in x is x.a
	for _, c := range event.LakeColumns() {
		members, group := strings.CutPrefix(c.Type, "struct<")
		if !group {
			want = append(want, c)
			continue
		}
		for member := range strings.SplitSeq(strings.TrimSuffix(members, ">"), ",") {
			name, hive, _ := strings.Cut(member, ":")
			want = append(want, event.Column{Name: c.Name + "." + name, Type: hive})
		}
	}
	var got []event.Column
	for _, c := range Schema().Columns() {
		got = append(got, event.Column{Name: c.Path, Type: c.Kind.Hive()})
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// column gives the number of a column.
func column(t testing.TB, path string) int {
	t.Helper()
	i := slices.IndexFunc(Schema().Columns(), func(c parquet.Column) bool { return c.Path == path })
	if i < 0 {
		t.Fatalf("no column %s", path)
	}
	return i
}

func convert(t testing.TB, records ...string) (*parquet.Table, []int, int) {
	t.Helper()
	raw := make([][]byte, len(records))
	for i, r := range records {
		raw[i] = []byte(r)
	}
	object, bad, err := Convert(raw)
	if err != nil {
		t.Fatal(err)
	}
	var refused []int
	events := 0
	for _, b := range bad {
		refused = append(refused, b.Index)
		events += b.Events
		if b.Code == "" || b.Message == "" || strings.Contains(b.Message, "secret") {
			t.Errorf("%+v", b)
		}
	}
	if object == nil {
		return nil, refused, events
	}
	table, _, err := parquet.Decode(object, Schema())
	if err != nil {
		t.Fatal(err)
	}
	return table, refused, events
}

func TestConvert(t *testing.T) {
	table, refused, events := convert(t,
		`{"schema_version":1,"event_id":"a","user":{"id":"\u00fc","x":1},"position":{"latitude":1.5},"consent":{"analytics":true}}`+"\n"+`{}`,
		`{"event_id":5,"user":null,"position":{"latitude":"2.5"},"consent":{"analytics":"false"},"device":{"model":["m"]}}`,
		`{"event_id":"good"} {"position":{"latitude":"secret"}} {}`,
		`{"user":"secret"}`,
		`{"schema_version":1.5}`,
		`{"consent":{"analytics":1}}`,
		`secret`,
		`[{}]`,
		``,
	)
	if want := []int{2, 3, 4, 5, 6, 7}; !slices.Equal(refused, want) || events != 8 {
		t.Errorf("refused %v with %d events, want %v with 8", refused, events, want)
	}
	if table.Rows() != 3 {
		t.Fatalf("%d rows", table.Rows())
	}
	ids, latitudes, consent := column(t, "event_id"), column(t, "position.latitude"), column(t, "consent.analytics")
	user, model := column(t, "user.id"), column(t, "device.model")
	if string(table.Text(ids, 0)) != "a" || !table.IsNull(ids, 1) || string(table.Text(ids, 2)) != "5" {
		t.Error("event_id")
	}
	if string(table.Text(user, 0)) != "ü" || !table.IsNull(user, 1) || !table.IsNull(user, 2) {
		t.Error("user.id")
	}
	if table.Doubles(latitudes)[0] != 1.5 || table.Doubles(latitudes)[2] != 2.5 {
		t.Error("position.latitude")
	}
	if !table.Bools(consent)[0] || !table.IsNull(consent, 1) || table.Bools(consent)[2] || table.IsNull(consent, 2) {
		t.Error("consent.analytics")
	}
	if string(table.Text(model, 2)) != `["m"]` {
		t.Error("device.model")
	}
}

// TestNothingIsLost: each event is a row, or in a record that is refused.
func TestNothingIsLost(t *testing.T) {
	part := rapid.SampledFrom([]string{`{}`, `{"user":{"id":"x"}}`, `{"user":[]}`, `{"a"`, "\n", "1 ", `{"session":{"battery_pct":"9"}}`, "\xff"})
	rapid.Check(t, func(rt *rapid.T) {
		var records []string
		want := 0
		for range rapid.IntRange(0, 8).Draw(rt, "records") {
			r := strings.Join(rapid.SliceOfN(part, 0, 5).Draw(rt, "parts"), "")
			records = append(records, r)
			want += event.Count(r)
		}
		table, _, events := convert(t, records...)
		rows := 0
		if table != nil {
			rows = table.Rows()
		}
		if rows+events != want {
			rt.Fatalf("%d rows and %d events refused of %d", rows, events, want)
		}
	})
}

func BenchmarkConvert(b *testing.B) {
	record := []byte(`{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57Z","user":{"id":"u-1","full_name":"Kauã Cardoso","birth_date":"1988-01-10","gender":"male"},"position":{"latitude":48.8606,"longitude":2.3376},"device":{"platform":"ios"},"consent":{"analytics":true}}`)
	records := slices.Repeat([][]byte{record}, 10_000)
	for b.Loop() {
		if _, _, err := Convert(records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/event")
}
