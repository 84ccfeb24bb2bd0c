package e2e

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // reads Parquet
)

// needle is something that must not be found, in all the forms in which bytes
// may hold it.
type needle struct {
	name  string
	forms [][]byte
}

// text makes a needle of a text: as it is in any case, in hexadecimal digits,
// and in base64 at each of its three alignments.
func text(name, value string) needle {
	n := needle{name, [][]byte{[]byte(value), []byte(strings.ToUpper(value)), []byte(hex.EncodeToString([]byte(value)))}}
	for shift := range 3 {
		// Each sixth bit begins a digit: those that its neighbours share are cut.
		padded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + value))
		n.forms = append(n.forms, []byte(padded[(shift*8+5)/6:(shift+len(value))*8/6]))
	}
	return n
}

// number makes a needle of a number that is not round: its digits, and its eight
// bytes in either order.
func number(name, digits string, value float64) needle {
	return needle{name, [][]byte{
		[]byte(digits),
		binary.BigEndian.AppendUint64(nil, math.Float64bits(value)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(value)),
	}}
}

// found names the needles that are in the data.
func found(data []byte, needles []needle) (names []string) {
	for _, n := range needles {
		for _, form := range n.forms {
			if bytes.Contains(data, form) {
				names = append(names, n.name)
				break
			}
		}
	}
	return names
}

// opener opens what files and messages hold.
type opener struct {
	t  testing.TB
	db *sql.DB
}

func newOpener(t testing.TB) *opener {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &opener{t, db}
}

// open gives the data as it is, followed by what it holds: the text of a gzip
// file, all values of a Parquet file.
func (o *opener) open(data []byte) []byte {
	o.t.Helper()
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		zip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			o.t.Fatal(err)
		}
		plain, err := io.ReadAll(zip)
		if err != nil {
			o.t.Fatal(err)
		}
		return append(bytes.Clone(data), plain...)
	case bytes.HasPrefix(data, []byte("PAR1")):
		return append(bytes.Clone(data), o.parquet(data)...)
	}
	return data
}

// parquet gives all rows as text, and all numbers as their eight bytes cannot be
// seen in a compressed column.
func (o *opener) parquet(data []byte) []byte {
	o.t.Helper()
	path := filepath.Join(o.t.TempDir(), "x.parquet")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		o.t.Fatal(err)
	}
	rows, err := o.db.QueryContext(o.t.Context(), "SELECT x::VARCHAR FROM read_parquet('"+path+"', hive_partitioning = false) x")
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // only read from
	var all bytes.Buffer
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			o.t.Fatal(err)
		}
		all.WriteString(row + "\n")
	}
	if err := rows.Err(); err != nil {
		o.t.Fatal(err)
	}
	return all.Bytes()
}

// files calls do with each file of a data folder, its path below the folder, and
// its content with all that it holds.
func (o *opener) files(dir string, do func(name string, content []byte)) {
	o.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		do(filepath.ToSlash(name), append([]byte(name+"\n"), o.open(data)...))
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// TestTheSearchFinds: what follows proves nothing unless a needle is found in
// each form.
func TestTheSearchFinds(t *testing.T) {
	o := newOpener(t)
	const secret = "zqneedle7x"
	needles := []needle{text("text", secret), number("number", "48.8606123457", 48.8606123457)}
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = zip.Write([]byte(strings.Repeat("so it is compressed ", 100) + secret))
	_ = zip.Close()
	path := filepath.Join(t.TempDir(), "x.parquet")
	if _, err := o.db.ExecContext(t.Context(), `COPY (SELECT '`+secret+`' || (i % 2) AS s, 48.8606123457::DOUBLE AS d, '`+secret+`'::BLOB AS b
 FROM range(1000) r(i)) TO '`+path+`' (FORMAT parquet, COMPRESSION zstd)`); err != nil {
		t.Fatal(err)
	}
	parquet, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data string
		want int
	}{
		"nothing":              {strings.Repeat("zqneedle7 48.860612345 ", 9), 0},
		"plain":                {"a" + secret + "b", 1},
		"upper":                {strings.ToUpper(secret), 1},
		"hex":                  {hex.EncodeToString([]byte("a" + secret)), 1},
		"base64":               {base64.StdEncoding.EncodeToString([]byte(secret)), 1},
		"base64 with 1 before": {base64.StdEncoding.EncodeToString([]byte("1" + secret + "22")), 1},
		"base64 with 2 before": {base64.StdEncoding.EncodeToString([]byte("12" + secret)), 1},
		"digits":               {"{48.8606123457}", 1},
		"bits":                 {string(binary.LittleEndian.AppendUint64([]byte("x"), math.Float64bits(48.8606123457))), 1},
		"gzip":                 {zipped.String(), 1},
		"parquet":              {string(parquet), 2},
	} {
		if got := found(o.open([]byte(tt.data)), needles); len(got) != tt.want {
			t.Errorf("%s: found %v, want %d", name, got, tt.want)
		}
	}
}
