package parquet

import (
	"errors"
	"runtime"
	"testing"
)

// allocated runs do and gives the bytes that were allocated meanwhile.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzDecode: any bytes, with the right checksum, are ErrMalformed or rows that come
// out as they are when they are written again; and memory is bounded.
func FuzzDecode(f *testing.F) {
	for _, rows := range []int{0, 3, 600} {
		f.Add(mustEncode(f, anyTable(rows, lcg(8)), map[string]string{"k": "v"}))
	}
	f.Add([]byte("PAR1" + checksumMark + unsealed + "PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sealed := seal(data) == nil
		var rows [][]any
		var err error
		if took := allocated(func() { rows, _, err = decoded(data, everything) }); took > 512<<20 {
			t.Errorf("%d bytes took %d", len(data), took)
		}
		if _, footerErr := ReadFooter(data); err == nil && footerErr != nil {
			t.Error(footerErr)
		}
		if err != nil {
			if sealed && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrColumns) {
				t.Errorf("not named: %v", err)
			}
			return
		}
		got, _, err := decoded(mustEncode(t, tableOf(everything, rows), nil), everything)
		if err != nil {
			t.Fatal(err)
		}
		same(t, rows, got)
	})
}

// FuzzPage: a page's bytes behind the compression, of each column.
func FuzzPage(f *testing.F) {
	f.Add(uint8(0), uint16(2), uint8(encodingPlain), []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(uint8(3), uint16(5), uint8(encoded), []byte("\x02\x00\x00\x00\x0a\x01\x02\x0a\x02"))
	f.Add(uint8(6), uint16(9), uint8(encoded), []byte("\x02\x05\x55\xaa\xff\xff"))
	f.Add(uint8(5), uint16(8), uint8(encodingPlain), []byte("\x02\x00\x00\x00\x10\x01\xff"))
	f.Fuzz(func(t *testing.T, col uint8, n uint16, encoding uint8, page []byte) {
		d := decoder{table: NewTable(everything), page: page, text: maxText}
		c := int(col) % len(everything.columns)
		if everything.columns[c].Kind == String { // only strings have a dictionary
			d.words = [][]byte{[]byte("a"), []byte("bc"), {}}
		}
		rows := 1 + int(n)
		err := func() (err error) {
			defer rescue(&err)
			d.rows(c, rows, int64(encoding))
			return nil
		}()
		if got := d.table.rows.Field(c).Len(); err == nil && got != rows {
			t.Errorf("%d rows of %d", got, rows)
		}
	})
}
