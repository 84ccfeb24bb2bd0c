package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

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

// appendAny appends a value, or a null, that data decides.
func appendAny(t *Table, col int, null bool, seed uint64) {
	c := t.schema.columns[col]
	if null && !c.Required {
		t.AppendNull(col)
		return
	}
	switch c.Kind {
	case Int64, Timestamp:
		t.AppendInt64(col, int64(seed)) //nolint:gosec // Any value will do.
	case Double:
		t.AppendDouble(col, float64(seed)/3)
	case Bool:
		t.AppendBool(col, seed%2 == 0)
	case Fixed16:
		var v [16]byte
		binary.BigEndian.PutUint64(v[3:], seed)
		t.AppendFixed16(col, v)
	case String:
		t.AppendString(col, strings.Repeat("ü", int(seed%5))+fmt.Sprint(seed%9)) //nolint:gosec // Small.
	}
}

func anyTable(rows int, next func() uint64) *Table {
	table := NewTable(everything)
	for range rows {
		for col := range everything.columns {
			seed := next()
			appendAny(table, col, seed%4 == 0, seed/4)
		}
	}
	return table
}

// same compares what the accessors say, as a column without nulls may be held
// in two ways.
func same(t interface{ Fatalf(string, ...any) }, want, got *Table) {
	if want.Rows() != got.Rows() {
		t.Fatalf("%d rows, want %d", got.Rows(), want.Rows())
	}
	for col, c := range want.schema.columns {
		for row := range want.Rows() {
			w, g := value(want, col, row), value(got, col, row)
			if !reflect.DeepEqual(w, g) {
				t.Fatalf("column %q row %d: %v, want %v", c.Name, row, g, w)
			}
		}
	}
}

func value(t *Table, col, row int) any {
	c := &t.columns[col]
	if c.null != nil && c.null[row] {
		return nil
	}
	switch t.schema.columns[col].Kind {
	case Int64, Timestamp:
		return c.int64s[row]
	case Double:
		return math.Float64bits(c.doubles[row])
	case Bool:
		return c.bools[row]
	case Fixed16:
		return c.fixed[row]
	default:
		return string(t.Text(col, row))
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
		table := anyTable(rapid.IntRange(0, 60).Draw(r, "rows"), func() uint64 { return word.Draw(r, "value") })
		footer := rapid.MapOf(rapid.String(), rapid.String()).Draw(r, "footer")
		data, err := table.Encode(footer)
		if err != nil {
			r.Fatal(err)
		}
		again, err := table.Encode(footer)
		if err != nil || !bytes.Equal(data, again) {
			r.Fatalf("the second encoding differs (error: %v)", err)
		}
		got, read, err := Decode(data, everything)
		if err != nil {
			r.Fatal(err)
		}
		same(r, table, got)
		if int(read.Rows) != table.Rows() || !maps.Equal(read.Metadata, footer) {
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
	table := anyTable(rowGroupRows+77, lcg(1))
	data := mustEncode(t, table, nil)
	got, _, err := Decode(data, everything)
	if err != nil {
		t.Fatal(err)
	}
	same(t, table, got)
	if !bytes.Equal(data, mustEncode(t, table, nil)) {
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
		"no columns":     nil,
		"capital letter": {{Name: "Name", Kind: String}},
		"a structure":    {{Name: "a.b", Kind: String}},
		"no kind":        {{Name: "a"}},
		"unknown kind":   {{Name: "a", Kind: 99}},
		"twice":          {{Name: "a", Kind: String}, {Name: "a", Kind: Int64}},
	} {
		if _, err := NewSchema(columns); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEncodeFaults(t *testing.T) {
	s := MustSchema([]Column{{Name: "a", Kind: Int64, Required: true}, {Name: "b", Kind: String}})
	for name, fill := range map[string]func(*Table){
		"a column is shorter": func(t *Table) { t.AppendInt64(0, 1) },
		"a column is longer":  func(t *Table) { t.AppendString(1, "x") },
		"another kind":        func(t *Table) { t.AppendInt64(0, 1); t.AppendInt64(1, 1) },
		"null in a required":  func(t *Table) { t.AppendNull(0); t.AppendNull(1) },
	} {
		table := NewTable(s)
		fill(table)
		if _, err := table.Encode(nil); err == nil {
			t.Errorf("%s: no error", name)
		}
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
		if _, _, err := Decode(data, MustSchema(change(slices.Clone(everything.columns)))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	data := mustEncode(t, anyTable(20, lcg(6)), map[string]string{"k": "v"})
	for end := range data {
		if _, _, err := Decode(data[:end], everything); err == nil {
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
			if _, _, err := Decode(data, everything); err == nil {
				t.Fatalf("no error with byte %d changed by %#x", i, flip)
			}
			if _, err := ReadFooter(data); err == nil {
				t.Fatalf("no error of the footer with byte %d changed by %#x", i, flip)
			}
			data[i] ^= flip
		}
	}
	if _, _, err := Decode(data, everything); err != nil {
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
	got, read, err := Decode(data, table.schema)
	if err != nil || string(got.Text(0, 0)) != checksumMark+unsealed || !maps.Equal(read.Metadata, footer) {
		t.Errorf("got %v, %v, error %v", got, read, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(mustEncode(f, anyTable(3, lcg(8)), map[string]string{"k": "v"}))
	f.Add([]byte("PAR1" + checksumMark + unsealed + "PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, _, err := Decode(data, everything)
		if err != nil {
			return
		}
		got, _, err := Decode(mustEncode(t, table, nil), everything)
		if err != nil {
			t.Fatal(err)
		}
		same(t, table, got)
	})
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
			table := elevenColumns(rows)
			b.ReportAllocs()
			for b.Loop() {
				mustEncode(b, table, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, rows := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			table := elevenColumns(rows)
			data := mustEncode(b, table, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(data, table.schema); err != nil {
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
