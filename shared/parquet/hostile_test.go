package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// thriftBytes writes what thriftReader reads.
func thriftBytes(dst []byte, s thriftStruct) []byte {
	last := int64(0)
	for _, f := range s { // in the short form, as checksumMark has it
		kind, value := thriftValue(f.value)
		dst = append(append(dst, byte(f.id-last)<<4|kind), value...) //nolint:gosec // small
		last = f.id
	}
	return append(dst, 0)
}

func thriftValue(v any) (kind byte, text []byte) {
	switch v := v.(type) {
	case bool:
		if v {
			return thriftTrue, nil
		}
		return thriftFalse, nil
	case int64:
		return thriftI64, binary.AppendVarint(nil, v)
	case []byte:
		return thriftBinary, append(binary.AppendUvarint(nil, uint64(len(v))), v...)
	case []any:
		var elements []byte
		kind := byte(thriftObject)
		for _, e := range v {
			var text []byte
			kind, text = thriftValue(e)
			elements = append(elements, text...)
		}
		return thriftList, append(binary.AppendUvarint([]byte{0xf0 | kind}, uint64(len(v))), elements...)
	default:
		return thriftObject, thriftBytes(nil, v.(thriftStruct))
	}
}

// withFooter gives the file another footer, sealed.
func withFooter(t testing.TB, data, footer []byte) []byte {
	t.Helper()
	end := len(data) - len(magic) - 4
	data = slices.Clone(data[:end-int(binary.LittleEndian.Uint32(data[end:]))])
	data = append(data, footer...)
	data = append(binary.LittleEndian.AppendUint32(data, uint32(len(footer))), magic...) //nolint:gosec // small
	if err := seal(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// changed gives the file a footer in which something was set.
func changed(t testing.TB, data []byte, change func(file thriftStruct)) []byte {
	t.Helper()
	data = slices.Clone(data)
	if err := seal(data); err != nil {
		t.Fatal(err)
	}
	file, _, err := open(data)
	if err != nil {
		t.Fatal(err)
	}
	change(file)
	return withFooter(t, data, thriftBytes(nil, file))
}

// set sets a field; path goes through lists by index and through structs by field.
func set(at any, v any, path ...int64) {
	for i, step := range path {
		if list, ok := at.([]any); ok {
			if at = list[step]; i == len(path)-1 {
				list[step] = v
			}
			continue
		}
		s := at.(thriftStruct)
		for k := range s {
			if s[k].id == step {
				if at = s[k].value; i == len(path)-1 {
					s[k].value = v
				}
			}
		}
	}
}

// chunkOf is where the first column chunk's metadata are.
var chunkOf = []int64{4, 0, 1, 0, 3}

// withChunk replaces the first column's pages.
func withChunk(t testing.TB, data, pages []byte) []byte {
	t.Helper()
	end := len(data) - len(magic) - 4
	at := end - int(binary.LittleEndian.Uint32(data[end:]))
	return changed(t, slices.Concat(data[:at], pages, data[at:]), func(file thriftStruct) {
		set(file, int64(at), append(chunkOf, 9)...)
		set(file, int64(len(pages)), append(chunkOf, 7)...)
	})
}

// page gives a page that unpacks to these bytes, and says so, or something else.
func page(values []byte, said, rows, kind, encoding int64) []byte {
	w, _ := zstd.NewWriter(nil)
	packed := w.EncodeAll(values, nil)
	inner := thriftStruct{{1, rows}, {2, encoding}, {3, int64(encodingRLE)}, {4, int64(encodingRLE)}}
	header := thriftStruct{{1, kind}, {2, said}, {3, int64(len(packed))}, {5, inner}, {7, inner}}
	return append(thriftBytes(nil, header), packed...)
}

// TestHostileFilesAreMalformed: files that somebody has sealed are one named error,
// and take no memory to speak of.
func TestHostileFilesAreMalformed(t *testing.T) {
	numbers := NewTable(MustSchema([]Column{{Name: "a", Kind: Int64, Required: true}}))
	for i := range 3 {
		numbers.AppendInt64(0, int64(i))
	}
	good := mustEncode(t, numbers, nil)
	words := NewTable(MustSchema([]Column{{Name: "a", Kind: String, Required: true, Dictionary: true}}))
	for range rowGroupRows {
		words.AppendString(0, strings.Repeat("x", 600))
	}
	many := NewTable(numbers.schema)
	for range rowGroupRows {
		many.AppendInt64(0, 7)
	}
	field := func(v any, path ...int64) []byte {
		return changed(t, good, func(file thriftStruct) { set(file, v, path...) })
	}
	inChunk := func(v any, id int64) []byte { return field(v, append(slices.Clone(chunkOf), id)...) }
	footer := func(text string) []byte {
		return withFooter(t, good, []byte(text+checksumMark+unsealed))
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	three := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 1), 2), 3)
	if got, _, err := decoded(withChunk(t, good, page(three, 24, 3, dataPage, encodingPlain)), numbers.schema); fmt.Sprint(got) != "[[1] [2] [3]]" {
		t.Fatalf("what the test writes is not read: %v, %v", got, err)
	}
	tests := map[string]struct {
		data   []byte
		schema *Schema
	}{
		"arrow's reader loops on it for ever":         {read("loop-277.parquet"), numbers.schema},
		"arrow's reader loops on it for ever, larger": {read("loop-1822.parquet"), everything},
		"fewer rows than nothing":                     {field(int64(-1), 3), nil},
		"more rows than in the row groups":            {field(int64(math.MaxInt64), 3), nil},
		"a row group of no rows":                      {field(int64(0), 4, 0, 3), nil},
		"a row group of negative rows":                {field(int64(-3), 4, 0, 3), nil},
		"a row group of endless rows":                 {field(int64(math.MaxInt64), 4, 0, 3), nil},
		"a row group without columns":                 {field([]any{}, 4, 0, 1), nil},
		"row groups that are numbers":                 {field([]any{int64(1)}, 4), nil},
		"no row groups":                               {field(int64(1), 4), nil},
		"a schema of another type":                    {field(int64(1), 2), nil},
		"another codec":                               {inChunk(int64(0), 4), nil},
		"more values than rows":                       {inChunk(int64(4), 5), nil},
		"a chunk beyond the file":                     {inChunk(int64(len(good)+1), 9), nil},
		"a chunk before the file":                     {inChunk(int64(-1), 9), nil},
		"a chunk of negative size":                    {inChunk(int64(-1), 7), nil},
		"a chunk of endless size":                     {inChunk(int64(math.MaxInt64), 7), nil},
		"an empty chunk":                              {inChunk(int64(0), 7), nil},
		"a footer longer than the file":               {sealedEnd(t, good), nil},
		"a list of four billion":                      {footer("\x19\xfc\xff\xff\xff\xff\x0f"), nil},
		"a string of 2^63":                            {footer("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), nil},
		"lists in lists":                              {footer(strings.Repeat("\x19", 1000)), nil},
		"structs in structs":                          {footer(strings.Repeat("\x1c", 1_000_000)), nil},
		"two million bools":                           {footer("\x19\xf1\x80\x89\x7a" + strings.Repeat("\x01", 2_000_000)), nil},
		"a map":                                       {footer("\x1b\x01\x88"), nil},
		"six million rows":                            {changed(t, mustEncode(t, many, nil), fortySix), nil},
		"a page of 2^62 bytes":                        {withChunk(t, good, page(three, 1<<62, 3, dataPage, encodingPlain)), nil},
		"a page of negative size":                     {withChunk(t, good, page(three, -1, 3, dataPage, encodingPlain)), nil},
		"a page that unpacks to more":                 {withChunk(t, good, page(make([]byte, 40<<20), 24, 3, dataPage, encodingPlain)), nil},
		"a page that unpacks to less":                 {withChunk(t, good, page(three[:16], 24, 3, dataPage, encodingPlain)), nil},
		"a page of 40 MiB":                            {withChunk(t, good, page(make([]byte, 40<<20), 40<<20, 3, dataPage, encodingPlain)), nil},
		"pages of no rows":                            {withChunk(t, good, bytes.Repeat(page(nil, 0, 0, dataPage, encodingPlain), 100)), nil},
		"a page of negative rows":                     {withChunk(t, good, page(three, 24, -3, dataPage, encodingPlain)), nil},
		"a page of too many rows":                     {withChunk(t, good, page(three, 24, 4, dataPage, encodingPlain)), nil},
		"a page of too few values":                    {withChunk(t, good, page(three[:16], 16, 3, dataPage, encodingPlain)), nil},
		"a page of unknown type":                      {withChunk(t, good, page(three, 24, 3, 1, encodingPlain)), nil},
		"a page of unknown encoding":                  {withChunk(t, good, page(three, 24, 3, dataPage, 5)), nil},
		"a dictionary of numbers":                     {withChunk(t, good, page(three, 24, 3, dictionaryPage, encodingPlain)), nil},
		"dictionary indices without a dictionary":     {withChunk(t, good, page([]byte{1, 6, 0}, 3, 3, dataPage, encoded)), nil},
		"79 MB of text in some bytes":                 {mustEncode(t, words, nil), words.schema},
		"a file of 65 MiB":                            {changed(t, slices.Concat(good[:4], make([]byte, 65<<20), good[4:]), func(thriftStruct) {}), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.schema == nil {
				tt.schema = numbers.schema
			}
			var err error
			took := allocated(func() { _, err = Decode(tt.data, tt.schema, func(*Rows) error { return nil }) })
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v", err)
			}
			limit := uint64(128 << 20)
			if tt.schema == words.schema { // the table grows up to maxText
				limit = 8 * maxText
			}
			if took > limit {
				t.Errorf("a file of %d bytes took %d", len(tt.data), took)
			}
		})
	}
}

// fortySix repeats the row group.
func fortySix(file thriftStruct) {
	groups := field[[]any](file, 4)
	set(file, slices.Repeat(groups, 46), 4)
	set(file, int64(46*rowGroupRows), 3)
}

// sealedEnd gives a file whose footer is said to be longer than the file.
func sealedEnd(t testing.TB, data []byte) []byte {
	t.Helper()
	data = slices.Clone(data)
	binary.LittleEndian.PutUint32(data[len(data)-8:], math.MaxUint32)
	if err := seal(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestChangedFootersAreErrorsOrRows changes some bytes of a good file and seals it
// again: never a panic, and an error is named.
func TestChangedFootersAreErrorsOrRows(t *testing.T) {
	good := mustEncode(t, anyTable(600, lcg(7)), map[string]string{"k": "v"})
	rapid.Check(t, func(t *rapid.T) {
		data := slices.Clone(good)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := len(data) - 1 - rapid.IntRange(0, 2*len(data)/3).Draw(t, "at")
			data[at] = rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff, data[at] + 1, data[at] ^ 2}).Draw(t, "byte")
		}
		if seal(data) != nil {
			return
		}
		_, _, err := decoded(data, everything)
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrColumns) {
			t.Fatal(err)
		}
	})
}

// TestRuns: against numbers that are packed one bit at a time.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(0, 24).Draw(t, "width")
		number := rapid.Int32Range(0, 1<<width-1)
		var data []byte
		var want []int32
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			if rapid.Bool().Draw(t, "packed") {
				groups := rapid.IntRange(1, 4).Draw(t, "groups")
				data = binary.AppendUvarint(data, uint64(groups)<<1|1) //nolint:gosec // small
				bits := make([]byte, groups*width)
				for i := range 8 * groups {
					v := number.Draw(t, "number")
					want = append(want, v)
					for bit := range width {
						bits[(i*width+bit)/8] |= byte(v>>bit&1) << ((i*width + bit) % 8)
					}
				}
				data = append(data, bits...)
				continue
			}
			n, v := rapid.IntRange(1, 20).Draw(t, "n"), number.Draw(t, "number")
			data = binary.AppendUvarint(data, uint64(n)<<1) //nolint:gosec // small
			for i := range (width + 7) / 8 {
				data = append(data, byte(v>>(8*i)))
			}
			want = append(want, slices.Repeat([]int32{v}, n)...)
		}
		n := len(want) - rapid.IntRange(0, min(7, len(want))).Draw(t, "fewer")
		if got := runs(nil, data, width, n); !slices.Equal(got, want[:n]) {
			t.Fatalf("got %v, want %v", got, want[:n])
		}
	})
}
