package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/klauspost/compress/zstd"
)

// Arrow's reader trusts what it reads: sealed files of a kilobyte make it loop, or
// allocate until the process dies. So what this package reads, it reads itself: what
// Encode writes and nothing else, within these bounds. Anything beyond them is
// ErrMalformed.
const (
	// MaxFile is the most bytes of a file whose rows are read.
	MaxFile = 64 << 20

	maxRows  = 5_000_000 // of a file
	maxPage  = 33 << 20  // bytes of a page, decompressed: a dictionary of as many strings of 256 bytes as a row group has rows
	maxPages = 1 << 30   // bytes of all pages of a file, decompressed
	maxText  = 64 << 20  // bytes of all strings of a row group
)

// ErrMalformed says that a file has the right checksum, and is none that Encode has
// written.
var ErrMalformed = errors.New("the file is malformed")

// ErrColumns says that a file is not one of this schema.
var ErrColumns = errors.New("the file has other columns")

// Footer is what a file says about itself: the number of its rows and the
// metadata that was given to Encode.
type Footer struct {
	Rows     int64
	Metadata map[string]string
}

// ReadFooter reads the footer of a file and nothing else of it. data is the
// whole file. A file that is truncated or corrupted, or that was not written by
// this package, is an error.
func ReadFooter(data []byte) (Footer, error) {
	_, footer, err := open(data)
	if err != nil {
		return Footer{}, fmt.Errorf("parquet footer: %w", err)
	}
	return footer, nil
}

// Rows are rows of a file, column by column. Its methods take the index of a
// column in the schema and a row, and panic where they do not fit the column's kind.
type Rows struct {
	columns []arrow.Array
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.columns[0].Len() }

// Int64 gives a value of a column of kind Int64 or Timestamp.
func (r *Rows) Int64(col, row int) int64 {
	return r.columns[col].(*array.Int64).Value(row)
}

// Fixed16 gives a value of a column of kind Fixed16.
func (r *Rows) Fixed16(col, row int) [16]byte {
	return [16]byte(r.columns[col].(*array.FixedSizeBinary).Value(row))
}

// Text gives a value of a column of kind String.
func (r *Rows) Text(col, row int) string { return r.columns[col].(*array.Binary).ValueString(row) }

// Decode reads a whole file, which must have exactly the columns of the schema, and
// gives each the rows of one row group after the other; an error of each is returned
// as it is. A file that is truncated or corrupted, was not written by this package,
// has other columns, or is beyond the bounds, is an error; ErrMalformed where its
// checksum is right.
func Decode(data []byte, s *Schema, each func(*Rows) error) (Footer, error) {
	file, footer, err := open(data)
	if err == nil && (len(data) > MaxFile || footer.Rows > maxRows) {
		err = fmt.Errorf("%w: %d bytes with %d rows; at most %d with %d are read", ErrMalformed, len(data), footer.Rows, MaxFile, maxRows)
	}
	if err == nil {
		err = s.fits(file)
	}
	if err != nil {
		return Footer{}, fmt.Errorf("parquet decode: %w", err)
	}
	d := decoder{data: data, table: NewTable(s), values: maxValues, pages: maxPages}
	for i, group := range field[[]any](file, 4) { // open has read them once
		rows, err := d.group(group.(thriftStruct))
		if err != nil {
			return Footer{}, fmt.Errorf("parquet decode: row group %d: %w", i, err)
		}
		if err := each(rows); err != nil {
			return Footer{}, err
		}
	}
	return footer, nil
}

// magic begins and ends a file.
const magic = "PAR1"

// open checks a file and reads its footer.
func open(data []byte) (file thriftStruct, footer Footer, err error) {
	if err := verify(data); err != nil {
		return nil, Footer{}, err
	}
	defer rescue(&err)
	end := len(data) - len(magic) - 4
	if end < len(magic) || string(data[:len(magic)]) != magic || string(data[end+4:]) != magic {
		failf("it does not begin and end as Parquet does")
	}
	size := uint64(binary.LittleEndian.Uint32(data[end:]))
	if size > uint64(end-len(magic)) {
		failf("a footer of %d bytes", size)
	}
	r := thriftReader{data[end-int(size) : end], maxValues} //nolint:gosec // within the file
	file = r.object(0)
	footer = Footer{Rows: field[int64](file, 3), Metadata: map[string]string{}}
	rows := int64(0)
	for _, group := range field[[]any](file, 4) {
		n := field[int64](group.(thriftStruct), 3)
		if n < 1 || n > rowGroupRows {
			failf("a row group of %d rows", n)
		}
		rows += n
	}
	if rows != footer.Rows {
		failf("%d rows in row groups, %d in all", rows, footer.Rows)
	}
	for _, pair := range field[[]any](file, 5) {
		if key := string(field[[]byte](pair.(thriftStruct), 1)); key != checksumKey {
			footer.Metadata[key] = string(field[[]byte](pair.(thriftStruct), 2))
		}
	}
	return file, footer, nil
}

// fits reports the first column in which a file's schema differs.
func (s *Schema) fits(file thriftStruct) (err error) {
	defer rescue(&err)
	elements := field[[]any](file, 2)
	if len(elements) != len(s.elements) {
		return fmt.Errorf("%w: %d, not %d", ErrColumns, len(elements)-1, len(s.columns))
	}
	for i, want := range s.elements {
		if reflect.DeepEqual(elements[i], want) {
			continue
		}
		const nameField = 4
		name, wantName := field[[]byte](elements[i].(thriftStruct), nameField), field[[]byte](want.(thriftStruct), nameField)
		if string(name) != string(wantName) {
			return fmt.Errorf("%w: number %d is %q, not %q", ErrColumns, i-1, name, wantName)
		}
		return fmt.Errorf("%w: %q is of another type", ErrColumns, name)
	}
	return nil
}

// decoder reads one file.
type decoder struct {
	data   []byte
	table  *Table
	values int // of thrift that may still be read
	pages  int // bytes that may still be decompressed
	text   int // bytes of strings that may still be read of the row group
	buf    []byte
	page   []byte   // what is left of it, in buf
	words  [][]byte // the dictionary
	levels []int32
	index  []int32
}

// group reads a row group.
func (d *decoder) group(group thriftStruct) (_ *Rows, err error) {
	defer rescue(&err)
	d.text = maxText
	rows, chunks := int(field[int64](group, 3)), field[[]any](group, 1)
	if len(chunks) != len(d.table.schema.columns) {
		failf("%d columns", len(chunks))
	}
	for col, chunk := range chunks {
		if err := d.chunk(field[thriftStruct](chunk.(thriftStruct), 3), col, rows); err != nil {
			return nil, fmt.Errorf("column %q: %w", d.table.schema.columns[col].Name, err)
		}
	}
	return &Rows{d.table.rows.NewRecord().Columns()}, nil
}

// Numbers of parquet.thrift.
const (
	codecZstd                           = 6
	dataPage, dictionaryPage            = 0, 2
	encodingPlain, encodingRLE, encoded = 0, 3, 8
)

// chunk reads all pages of a column of a row group.
func (d *decoder) chunk(meta thriftStruct, col, rows int) (err error) {
	defer rescue(&err)
	start := field[int64](meta, 9)
	if first, ok := optional[int64](meta, 11); ok {
		start = min(start, first)
	}
	size := field[int64](meta, 7)
	if start < int64(len(magic)) || size < 0 || size > int64(len(d.data))-start {
		failf("%d bytes at %d", size, start)
	}
	if field[int64](meta, 4) != codecZstd || field[int64](meta, 5) != int64(rows) {
		failf("it has another codec, or another number of values than rows")
	}
	r := thriftReader{data: d.data[start : start+size]}
	d.words = nil
	for read := 0; read < rows; { // every page has a row or is the one dictionary
		r.values = d.values
		header := r.object(0)
		d.values = r.values
		d.unpack(field[int64](header, 2), r.take(uint64(field[int64](header, 3)))) //nolint:gosec // a negative one is too large
		switch kind := field[int64](header, 1); {
		case kind == dataPage:
			page := field[thriftStruct](header, 5)
			n := field[int64](page, 1)
			if n < 1 || n > int64(rows-read) {
				failf("a page of %d rows, where %d are missing", n, rows-read)
			}
			d.rows(col, int(n), field[int64](page, 2))
			read += int(n)
		case kind == dictionaryPage && d.words == nil && d.table.schema.columns[col].Kind == String:
			n := field[int64](field[thriftStruct](header, 7), 1)
			if n < 1 || n > int64(rows) {
				failf("a dictionary of %d values for %d rows", n, rows)
			}
			d.words = make([][]byte, n)
			for i := range d.words {
				d.words[i] = d.string()
			}
			d.buf = nil // the dictionary keeps it
		default:
			failf("a page of type %d", kind)
		}
	}
	return nil
}

var unzip = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		panic(err) // only wrong options fail
	}
	return d
}()

// unpack makes the compressed bytes the page.
func (d *decoder) unpack(size int64, compressed []byte) {
	if size < 0 || size > maxPage || size > int64(d.pages) {
		failf("a page of %d bytes", size)
	}
	d.pages -= int(size)
	if int64(cap(d.buf)) < size {
		d.buf = make([]byte, 0, size)
	}
	var err error
	if d.page, err = unzip.DecodeAll(compressed, d.buf[:0:size]); err != nil || int64(len(d.page)) != size {
		failf("a page that is not of %d bytes: %v", size, err)
	}
}

// take gives the next n bytes of the page.
func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.page) {
		failf("%d bytes of %d", n, len(d.page))
	}
	taken := d.page[:n:n]
	d.page = d.page[n:]
	return taken
}

func (d *decoder) uint32() int { return int(binary.LittleEndian.Uint32(d.take(4))) }

func (d *decoder) string() []byte { return d.take(d.uint32()) }

// rows appends the page's n rows to the column.
func (d *decoder) rows(col, n int, encoding int64) {
	c, levels := d.table.schema.columns[col], []int32(nil)
	present := n
	if !c.Required {
		d.levels = runs(d.levels[:0], d.take(d.uint32()), 1, n)
		levels, present = d.levels, 0
		for _, level := range levels {
			present += int(level)
		}
	}
	next := d.plain(col, present)
	switch {
	case encoding == encoded && d.words != nil:
		width := int(d.take(1)[0])
		d.index = runs(d.index[:0], d.take(len(d.page)), width, present)
		next = func(i int) { d.put(col, d.words[d.index[i]]) }
	case encoding != encodingPlain:
		failf("encoding %d", encoding)
	}
	for row, i := 0, 0; row < n; row++ {
		if levels != nil && levels[row] == 0 {
			d.table.AppendNull(col)
			continue
		}
		next(i)
		i++
	}
	if len(d.page) > 0 && c.Kind == String {
		failf("%d bytes after the last value", len(d.page))
	}
}

// plain gives what appends the page's value i.
func (d *decoder) plain(col, present int) (next func(i int)) {
	page, t := d.page, d.table
	switch t.schema.columns[col].Kind {
	case Int64, Timestamp:
		d.whole(8 * present)
		return func(i int) { t.AppendInt64(col, int64(binary.LittleEndian.Uint64(page[8*i:]))) } //nolint:gosec // the same 64 bits
	case Double:
		d.whole(8 * present)
		return func(i int) { t.AppendDouble(col, math.Float64frombits(binary.LittleEndian.Uint64(page[8*i:]))) }
	case Bool:
		d.whole((present + 7) / 8)
		return func(i int) { t.AppendBool(col, page[i/8]>>(i%8)&1 == 1) }
	case Fixed16:
		d.whole(16 * present)
		return func(i int) { t.AppendFixed16(col, [16]byte(page[16*i:])) }
	default:
		return func(int) { d.put(col, d.string()) }
	}
}

// whole reports a page that has not as many bytes.
func (d *decoder) whole(size int) {
	if len(d.page) != size {
		failf("%d bytes of values, not %d", len(d.page), size)
	}
}

func (d *decoder) put(col int, text []byte) {
	if d.text -= len(text); d.text < 0 {
		failf("more than %d bytes of strings", maxText)
	}
	d.table.rows.Field(col).(*array.BinaryBuilder).Append(text)
}

// runs appends n numbers of that many bits, which are written as runs of one number or
// packed, as in https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE.
func runs(dst []int32, data []byte, width, n int) []int32 {
	if width > 24 {
		failf("numbers of %d bits", width)
	}
	r := thriftReader{data: data}
	for len(dst) < n {
		head := r.uvarint()
		left := uint64(n - len(dst)) //nolint:gosec // positive
		if head&1 == 0 {
			v := int32(0)
			for i, b := range r.take(uint64(width+7) / 8) { //nolint:gosec // small
				v |= int32(b) << (8 * i)
			}
			if v>>width != 0 {
				failf("a number of more than %d bits", width)
			}
			for range min(head>>1, left) {
				dst = append(dst, v)
			}
			continue
		}
		groups := min(head>>1, (left+7)/8)       // of eight numbers; there may be some too many
		packed := r.take(groups * uint64(width)) //nolint:gosec // small
		bits, have := uint64(0), 0
		for range min(8*groups, left) {
			for ; have < width; have += 8 {
				bits |= uint64(packed[0]) << have
				packed = packed[1:]
			}
			dst = append(dst, int32(bits&(1<<width-1))) //nolint:gosec // 24 bits
			bits, have = bits>>width, have-width
		}
	}
	return dst
}
