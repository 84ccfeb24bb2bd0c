package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet/file"
	"pgregory.net/rapid"
)

// everything has a column of every kind, required and optional.
var everything = MustSchema([]Column{
	{Name: "at", Kind: Timestamp, Required: true},
	{Name: "user_id", Kind: String},
	{Name: "latitude", Kind: Double},
	{Name: "city", Kind: String, Dictionary: true},
	{Name: "people", Kind: Int64},
	{Name: "suppressed", Kind: Bool},
	{Name: "name", Kind: String, Required: true, Dictionary: true},
	{Name: "person", Kind: Fixed16, Required: true},
	{Name: "opt_person", Kind: Fixed16},
})

// anyValue is a value that fits a column, or a null, that seed decides.
func anyValue(c Column, null bool, seed uint64) any {
	if null && !c.Required {
		return nil
	}
	switch c.Kind {
	case Int64, Timestamp:
		return int64(seed) //nolint:gosec // Any value will do.
	case Double:
		return float64(seed) / 3
	case Bool:
		return seed%2 == 0
	case Fixed16:
		var v [16]byte
		binary.BigEndian.PutUint64(v[3:], seed)
		return v
	default:
		return strings.Repeat("ü", int(seed%5)) + fmt.Sprint(seed%9) //nolint:gosec // Small.
	}
}

func anyRows(rows int, next func() uint64) [][]any {
	all := make([][]any, rows)
	for row := range all {
		for _, c := range everything.columns {
			seed := next()
			all[row] = append(all[row], anyValue(c, seed%4 == 0, seed/4))
		}
	}
	return all
}

// tableOf gives a table of such rows.
func tableOf(s *Schema, rows [][]any) *Table {
	t := NewTable(s)
	for _, row := range rows {
		for col, v := range row {
			switch v := v.(type) {
			case nil:
				t.AppendNull(col)
			case int64:
				t.AppendInt64(col, v)
			case float64:
				t.AppendDouble(col, v)
			case bool:
				t.AppendBool(col, v)
			case [16]byte:
				t.AppendFixed16(col, v)
			case string:
				t.AppendString(col, v)
			}
		}
	}
	return t
}

func anyTable(rows int, next func() uint64) *Table { return tableOf(everything, anyRows(rows, next)) }

// rowsOf gives what was decoded as such rows.
func rowsOf(s *Schema, rows *Rows) [][]any {
	all := make([][]any, rows.Len())
	for row := range all {
		for col, c := range s.columns {
			var v any
			switch {
			case rows.columns[col].IsNull(row):
			case c.Kind == Int64 || c.Kind == Timestamp:
				v = rows.Int64(col, row)
			case c.Kind == Double:
				v = rows.columns[col].(*array.Float64).Value(row)
			case c.Kind == Bool:
				v = rows.columns[col].(*array.Boolean).Value(row)
			case c.Kind == Fixed16:
				v = rows.Fixed16(col, row)
			default:
				v = rows.Text(col, row)
			}
			all[row] = append(all[row], v)
		}
	}
	return all
}

// decoded reads a whole file.
func decoded(data []byte, s *Schema) (all [][]any, footer Footer, err error) {
	footer, err = Decode(data, s, func(rows *Rows) error {
		all = append(all, rowsOf(s, rows)...)
		return nil
	})
	return all, footer, err
}

func same(t interface{ Fatalf(string, ...any) }, want, got [][]any) {
	if want, got := fmt.Sprint(want), fmt.Sprint(got); want != got {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func mustEncode(t testing.TB, table *Table, footer map[string]string) []byte {
	t.Helper()
	data, err := table.Encode(footer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.Uint64()
		rows := anyRows(rapid.IntRange(0, 60).Draw(r, "rows"), func() uint64 { return word.Draw(r, "value") })
		footer := rapid.MapOf(rapid.String(), rapid.String()).Draw(r, "footer")
		data, err := tableOf(everything, rows).Encode(footer)
		if err != nil {
			r.Fatal(err)
		}
		again, err := tableOf(everything, rows).Encode(footer)
		if err != nil || !bytes.Equal(data, again) {
			r.Fatalf("the second encoding differs (error: %v)", err)
		}
		got, read, err := decoded(data, everything)
		if err != nil {
			r.Fatal(err)
		}
		same(r, rows, got)
		if int(read.Rows) != len(rows) || !maps.Equal(read.Metadata, footer) {
			r.Fatalf("footer %v, want %v", read, footer)
		}
	})
}

// lcg is a plain generator of numbers, the same on every run.
func lcg(seed uint64) func() uint64 {
	return func() uint64 {
		seed = seed*6364136223846793005 + 1442695040888963407
		return seed >> 16
	}
}

func TestSeveralRowGroupsWithDictionaries(t *testing.T) {
	rows := anyRows(rowGroupRows+77, lcg(1))
	data := mustEncode(t, tableOf(everything, rows), nil)
	got, _, err := decoded(data, everything)
	if err != nil {
		t.Fatal(err)
	}
	same(t, rows, got)
	if !bytes.Equal(data, mustEncode(t, tableOf(everything, rows), nil)) {
		t.Error("the second encoding differs")
	}

	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if r.NumRowGroups() != 2 {
		t.Errorf("%d row groups, want 2", r.NumRowGroups())
	}
	for i, c := range everything.columns {
		chunk, err := r.RowGroup(0).MetaData().ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		if chunk.HasDictionaryPage() != c.Dictionary {
			t.Errorf("column %q: dictionary is %v", c.Name, chunk.HasDictionaryPage())
		}
		if set, err := chunk.StatsSet(); err != nil || !set {
			t.Errorf("column %q has no statistics (error: %v)", c.Name, err)
		}
	}
}

func TestSchemaFaults(t *testing.T) {
	for name, columns := range map[string][]Column{
		"capital letter": {{Name: "Name", Kind: String}},
		"a structure":    {{Name: "a.b", Kind: String}},
		"no kind":        {{Name: "a"}},
		"unknown kind":   {{Name: "a", Kind: 99}},
		"a dictionary":   {{Name: "a", Kind: Int64, Dictionary: true}},
		"twice":          {{Name: "a", Kind: String}, {Name: "a", Kind: Int64}},
	} {
		if !panics(func() { MustSchema(columns) }) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func panics(do func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	do()
	return false
}

func TestEncodeFaults(t *testing.T) {
	s := MustSchema([]Column{{Name: "a", Kind: Int64, Required: true}, {Name: "b", Kind: String}})
	for name, fill := range map[string]func(*Table){
		"a column is shorter": func(t *Table) { t.AppendInt64(0, 1) },
		"a column is longer":  func(t *Table) { t.AppendString(1, "x") },
		"null in a required":  func(t *Table) { t.AppendNull(0); t.AppendNull(1) },
	} {
		table := NewTable(s)
		fill(table)
		if _, err := table.Encode(nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !panics(func() { NewTable(s).AppendInt64(1, 1) }) {
		t.Error("another kind: no panic")
	}
	for _, footer := range []map[string]string{{"k": "\xff"}, {checksumKey: ""}} {
		if _, err := NewTable(s).Encode(footer); err == nil {
			t.Errorf("footer %q: no error", footer)
		}
	}
}

func TestOtherColumnsAreAnError(t *testing.T) {
	data := mustEncode(t, anyTable(3, lcg(1)), nil)
	for name, change := range map[string]func([]Column) []Column{
		"fewer":        func(c []Column) []Column { return c[:4] },
		"another name": func(c []Column) []Column { c[0].Name = "then"; return c },
		"another kind": func(c []Column) []Column { c[0].Kind = Int64; return c },
		"not required": func(c []Column) []Column { c[0].Required = false; return c },
		"swapped":      func(c []Column) []Column { c[4], c[5] = c[5], c[4]; return c },
	} {
		if _, _, err := decoded(data, MustSchema(change(slices.Clone(everything.columns)))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	data := mustEncode(t, anyTable(20, lcg(6)), map[string]string{"k": "v"})
	for end := range data {
		if _, _, err := decoded(data[:end], everything); err == nil {
			t.Fatalf("no error for %d of %d bytes", end, len(data))
		}
		if _, err := ReadFooter(data[:end]); err == nil {
			t.Fatalf("no error for the footer of %d of %d bytes", end, len(data))
		}
	}
}

// TestCorruptedFilesAreErrors changes every byte of a file. Without the
// checksum, arrow would run out of memory on some.
func TestCorruptedFilesAreErrors(t *testing.T) {
	data := mustEncode(t, anyTable(600, lcg(7)), map[string]string{"k": "v"})
	for i := range data {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			data[i] ^= flip
			if _, _, err := decoded(data, everything); err == nil {
				t.Fatalf("no error with byte %d changed by %#x", i, flip)
			}
			if _, err := ReadFooter(data); err == nil {
				t.Fatalf("no error of the footer with byte %d changed by %#x", i, flip)
			}
			data[i] ^= flip
		}
	}
	if _, _, err := decoded(data, everything); err != nil {
		t.Fatal(err)
	}
}

// TestTheMarkInTheDataIsNotTheChecksum plants the checksum's mark before the
// real one, in a value and in the metadata.
func TestTheMarkInTheDataIsNotTheChecksum(t *testing.T) {
	table := NewTable(MustSchema([]Column{{Name: "a", Kind: String}}))
	table.AppendString(0, checksumMark+unsealed)
	footer := map[string]string{"zzz": checksumMark + unsealed}
	data := mustEncode(t, table, footer)
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if digits := r.MetaData().KeyValueMetadata().FindValue(checksumKey); digits == nil || *digits == unsealed {
		t.Error("the checksum is not where it belongs")
	}
	got, read, err := decoded(data, table.schema)
	if err != nil || got[0][0] != checksumMark+unsealed || !maps.Equal(read.Metadata, footer) {
		t.Errorf("got %v, %v, error %v", got, read, err)
	}
}

// elevenColumns is as wide as the final results.
func elevenColumns(rows int) *Table {
	columns := []Column{{Name: "start", Kind: Timestamp, Required: true}, {Name: "end", Kind: Timestamp, Required: true}}
	for i := range 4 {
		columns = append(columns, Column{Name: fmt.Sprint("s", i), Kind: String, Required: true, Dictionary: true})
	}
	for i := range 3 {
		columns = append(columns, Column{Name: fmt.Sprint("d", i), Kind: Double, Required: true})
	}
	columns = append(columns, Column{Name: "n", Kind: Int64}, Column{Name: "b", Kind: Bool, Required: true})
	table := NewTable(MustSchema(columns))
	for row := range rows {
		for col, c := range columns {
			switch c.Kind {
			case Timestamp, Int64:
				table.AppendInt64(col, int64(row/10))
			case Double:
				table.AppendDouble(col, float64(row/3))
			case Bool:
				table.AppendBool(col, row%5 == 0)
			default:
				table.AppendString(col, fmt.Sprint("place ", row/7))
			}
		}
	}
	return table
}

func BenchmarkEncode(b *testing.B) {
	for _, rows := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustEncode(b, elevenColumns(rows), nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, rows := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			table := elevenColumns(rows)
			schema, data := table.schema, mustEncode(b, table, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data, schema, func(*Rows) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}

func BenchmarkReadFooter(b *testing.B) {
	data := mustEncode(b, elevenColumns(50), map[string]string{"k": "v"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadFooter(data); err != nil {
			b.Fatal(err)
		}
	}
}
