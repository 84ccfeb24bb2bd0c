package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/file"
	"pgregory.net/rapid"
)

// everything has a column of every kind, required and optional, and structures
// inside structures.
var everything = MustSchema([]Column{
	{Path: "at", Kind: Timestamp, Required: true},
	{Path: "user.id", Kind: String},
	{Path: "user.home.latitude", Kind: Double},
	{Path: "user.home.city", Kind: String, Dictionary: true},
	{Path: "user.age", Kind: Int32},
	{Path: "people", Kind: Int64},
	{Path: "suppressed", Kind: Bool},
	{Path: "name", Kind: String, Required: true, Dictionary: true},
	{Path: "person", Kind: Fixed16, Required: true},
	{Path: "opt_person", Kind: Fixed16},
})

// appendAny appends a value, or a null, that data decides.
func appendAny(t *Table, col int, null bool, seed uint64) {
	c := t.schema.columns[col]
	if null && !c.Required {
		t.AppendNull(col)
		return
	}
	switch c.Kind {
	case Int32:
		t.AppendInt32(col, int32(uint32(seed))) //nolint:gosec // Any value will do.
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
				t.Fatalf("column %q row %d: %v, want %v", c.Path, row, g, w)
			}
		}
	}
}

func value(t *Table, col, row int) any {
	if t.IsNull(col, row) {
		return nil
	}
	switch t.schema.columns[col].Kind {
	case Int32:
		return t.Int32s(col)[row]
	case Int64, Timestamp:
		return t.Int64s(col)[row]
	case Double:
		return math.Float64bits(t.Doubles(col)[row])
	case Bool:
		return t.Bools(col)[row]
	case Fixed16:
		return t.Fixed16s(col)[row]
	default:
		return string(t.Text(col, row))
	}
}

func mustEncode(t testing.TB, table *Table, codec Codec, footer map[string]string) []byte {
	t.Helper()
	data, err := table.Encode(codec, footer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.Uint64()
		table := anyTable(rapid.IntRange(0, 60).Draw(r, "rows"), func() uint64 { return word.Draw(r, "value") })
		codec := rapid.SampledFrom([]Codec{Snappy, Zstd}).Draw(r, "codec")
		footer := rapid.MapOf(rapid.String(), rapid.String()).Draw(r, "footer")
		data, err := table.Encode(codec, footer)
		if err != nil {
			r.Fatal(err)
		}
		again, err := table.Encode(codec, footer)
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
	data := mustEncode(t, table, Zstd, nil)
	got, _, err := Decode(data, everything)
	if err != nil {
		t.Fatal(err)
	}
	same(t, table, got)
	if !bytes.Equal(data, mustEncode(t, table, Zstd, nil)) {
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
			t.Errorf("column %q: dictionary is %v", c.Path, chunk.HasDictionaryPage())
		}
		if set, err := chunk.StatsSet(); err != nil || !set {
			t.Errorf("column %q has no statistics (error: %v)", c.Path, err)
		}
	}
}

// TestStructureOfNulls looks at the levels that arrow reads: a structure whose
// fields are all null must be null, not a structure of nulls.
func TestStructureOfNulls(t *testing.T) {
	s := MustSchema([]Column{{Path: "a.b.x", Kind: Int64}, {Path: "a.b.y", Kind: Int64}, {Path: "a.z", Kind: Int64}})
	table := NewTable(s)
	for _, row := range [][3]bool{{true, true, true}, {false, true, true}, {true, true, false}, {false, false, false}} {
		for col, null := range row {
			if null {
				table.AppendNull(col)
			} else {
				table.AppendInt64(col, 7)
			}
		}
	}
	r, err := file.NewParquetReader(bytes.NewReader(mustEncode(t, table, Snappy, nil)))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]int16{{0, 3, 1, 3}, {0, 2, 1, 3}, {0, 1, 2, 2}}
	for col := range want {
		c, err := r.RowGroup(0).Column(col)
		if err != nil {
			t.Fatal(err)
		}
		levels := make([]int16, 4)
		if _, _, err := c.(*file.Int64ColumnChunkReader).ReadBatch(4, make([]int64, 4), levels, nil); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(levels, want[col]) {
			t.Errorf("column %d: levels %v, want %v", col, levels, want[col])
		}
	}
}

func TestSchemaFaults(t *testing.T) {
	for name, columns := range map[string][]Column{
		"no columns":        nil,
		"capital letter":    {{Path: "Name", Kind: String}},
		"empty element":     {{Path: "a..b", Kind: String}},
		"no kind":           {{Path: "a"}},
		"unknown kind":      {{Path: "a", Kind: 99}},
		"twice":             {{Path: "a", Kind: String}, {Path: "a", Kind: Int32}},
		"field and column":  {{Path: "a", Kind: String}, {Path: "a.b", Kind: Int32}},
		"column and field":  {{Path: "a.b", Kind: String}, {Path: "a", Kind: Int32}},
		"structure in bits": {{Path: "a.b", Kind: String}, {Path: "c", Kind: String}, {Path: "a.d", Kind: Int32}},
	} {
		if _, err := NewSchema(columns); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEncodeFaults(t *testing.T) {
	s := MustSchema([]Column{{Path: "a", Kind: Int64, Required: true}, {Path: "b", Kind: String}})
	for name, fill := range map[string]func(*Table){
		"a column is shorter": func(t *Table) { t.AppendInt64(0, 1) },
		"a column is longer":  func(t *Table) { t.AppendString(1, "x") },
		"another kind":        func(t *Table) { t.AppendInt64(0, 1); t.AppendInt32(1, 1) },
		"null in a required":  func(t *Table) { t.AppendNull(0); t.AppendNull(1) },
	} {
		table := NewTable(s)
		fill(table)
		if _, err := table.Encode(Zstd, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewTable(s).Encode(0, nil); err == nil {
		t.Error("no codec: no error")
	}
	for _, footer := range []map[string]string{{"k": "\xff"}, {checksumKey: ""}} {
		if _, err := NewTable(s).Encode(Zstd, footer); err == nil {
			t.Errorf("footer %q: no error", footer)
		}
	}
}

func TestResetForgetsTheRows(t *testing.T) {
	table := anyTable(9, lcg(3))
	table.Reset()
	if table.Rows() != 0 {
		t.Fatalf("%d rows after Reset", table.Rows())
	}
	next := lcg(4)
	for range 5 {
		for col := range everything.columns {
			seed := next()
			appendAny(table, col, seed%4 == 0, seed/4)
		}
	}
	if !bytes.Equal(mustEncode(t, table, Zstd, nil), mustEncode(t, anyTable(5, lcg(4)), Zstd, nil)) {
		t.Error("a table that was used before encodes differently")
	}
}

func TestOtherColumnsAreAnError(t *testing.T) {
	data := mustEncode(t, anyTable(3, lcg(1)), Zstd, nil)
	for name, change := range map[string]func([]Column) []Column{
		"fewer":         func(c []Column) []Column { return c[:4] },
		"another name":  func(c []Column) []Column { c[0].Path = "then"; return c },
		"another kind":  func(c []Column) []Column { c[0].Kind = Int64; return c },
		"not required":  func(c []Column) []Column { c[0].Required = false; return c },
		"swapped":       func(c []Column) []Column { c[5], c[6] = c[6], c[5]; return c },
		"other nesting": func(c []Column) []Column { c[4].Path = "user.home.age"; return c },
	} {
		if _, _, err := Decode(data, MustSchema(change(everything.Columns()))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	data := mustEncode(t, anyTable(20, lcg(6)), Zstd, map[string]string{"k": "v"})
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
	data := mustEncode(t, anyTable(600, lcg(7)), Zstd, map[string]string{"k": "v"})
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
	table := NewTable(MustSchema([]Column{{Path: "a", Kind: String}}))
	table.AppendString(0, checksumMark+unsealed)
	footer := map[string]string{"zzz": checksumMark + unsealed}
	data := mustEncode(t, table, Snappy, footer)
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if digits := r.MetaData().KeyValueMetadata().FindValue(checksumKey); digits == nil || *digits == unsealed {
		t.Error("the checksum is not where it belongs")
	}
	got, read, err := Decode(data, table.Schema())
	if err != nil || string(got.Text(0, 0)) != checksumMark+unsealed || !maps.Equal(read.Metadata, footer) {
		t.Errorf("got %v, %v, error %v", got, read, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(mustEncode(f, anyTable(3, lcg(8)), Zstd, map[string]string{"k": "v"}))
	f.Add([]byte("PAR1" + checksumMark + unsealed + "PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, _, err := Decode(data, everything)
		if err != nil {
			return
		}
		got, _, err := Decode(mustEncode(t, table, Zstd, nil), everything)
		if err != nil {
			t.Fatal(err)
		}
		same(t, table, got)
	})
}

// elevenColumns is as wide as the final results.
func elevenColumns(rows int) *Table {
	columns := []Column{{Path: "start", Kind: Timestamp, Required: true}, {Path: "end", Kind: Timestamp, Required: true}}
	for i := range 4 {
		columns = append(columns, Column{Path: fmt.Sprint("s", i), Kind: String, Required: true, Dictionary: true})
	}
	for i := range 3 {
		columns = append(columns, Column{Path: fmt.Sprint("d", i), Kind: Double, Required: true})
	}
	columns = append(columns, Column{Path: "n", Kind: Int64}, Column{Path: "b", Kind: Bool, Required: true})
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
	for _, codec := range []Codec{Snappy, Zstd} {
		for _, rows := range []int{50, 10_000} {
			b.Run(fmt.Sprintf("codec=%d/rows=%d", codec, rows), func(b *testing.B) {
				table := elevenColumns(rows)
				b.ReportAllocs()
				for b.Loop() {
					mustEncode(b, table, codec, nil)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, rows := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			table := elevenColumns(rows)
			data := mustEncode(b, table, Zstd, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(data, table.Schema()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}

func BenchmarkReadFooter(b *testing.B) {
	data := mustEncode(b, elevenColumns(50), Zstd, map[string]string{"k": "v"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadFooter(data); err != nil {
			b.Fatal(err)
		}
	}
}
