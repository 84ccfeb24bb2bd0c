package lake

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
)

// TestSchemaIsTheTable: the Parquet objects have the columns of the Glue table.
func TestSchemaIsTheTable(t *testing.T) {
	var got []event.Column
	for _, f := range lakeTable().schema.Fields() {
		got = append(got, event.Column{Name: f.Name, Type: hive(f.Type)})
	}
	if want := event.LakeColumns(); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func hive(of arrow.DataType) string {
	group, ok := of.(*arrow.StructType)
	if !ok {
		return map[arrow.Type]string{arrow.INT32: "int", arrow.FLOAT64: "double", arrow.BOOL: "boolean", arrow.STRING: "string"}[of.ID()]
	}
	var members []string
	for _, f := range group.Fields() {
		members = append(members, f.Name+":"+hive(f.Type))
	}
	return "struct<" + strings.Join(members, ",") + ">"
}

// convert gives the object's rows as JSON without what is null, and the records
// that do not fit, with the number of their events.
func convert(t testing.TB, records ...string) (rows []string, refused []int, events int) {
	t.Helper()
	raw := make([][]byte, len(records))
	for i, r := range records {
		raw[i] = []byte(r)
	}
	object, bad, err := Convert(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad {
		refused = append(refused, b.Index)
		events += event.Count(records[b.Index])
		if b.Code == "" || b.Message == "" || strings.Contains(b.Message, "secret") {
			t.Errorf("%+v", b)
		}
	}
	if object == nil {
		return nil, refused, events
	}
	read, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(object), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Release()
	reader := array.NewTableReader(read, -1)
	defer reader.Release()
	for reader.Next() {
		text, err := reader.Record().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var all []map[string]any
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		for _, row := range all {
			text, err := json.Marshal(withoutNulls(row))
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, string(text))
		}
	}
	return rows, refused, events
}

func withoutNulls(row map[string]any) map[string]any {
	for name, value := range row {
		if value == nil {
			delete(row, name)
		} else if group, ok := value.(map[string]any); ok {
			row[name] = withoutNulls(group)
		}
	}
	return row
}

func TestConvert(t *testing.T) {
	rows, refused, events := convert(t,
		`{"schema_version":1,"event_id":"a","user":{"id":"\u00fc","x":1},"position":{"latitude":1.5},"consent":{"analytics":true}}`+"\n"+`{}`,
		`{"event_id":5,"user":null,"session":{},"position":{"latitude":"2.5"},"consent":{"analytics":"false"},"device":{"model":["m"]}}`,
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
	if want := []string{
		`{"consent":{"analytics":true},"event_id":"a","position":{"latitude":1.5},"schema_version":1,"user":{"id":"ü"}}`,
		`{}`,
		`{"consent":{"analytics":false},"device":{"model":"[\"m\"]"},"event_id":"5","position":{"latitude":2.5},"session":{}}`,
	}; !slices.Equal(rows, want) {
		t.Errorf("got  %q\nwant %q", rows, want)
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
		rows, _, events := convert(t, records...)
		if len(rows)+events != want {
			rt.Fatalf("%d rows and %d events refused of %d", len(rows), events, want)
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
