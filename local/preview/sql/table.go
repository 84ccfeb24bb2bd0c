package sql

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// writeTable writes
//
//	poi_id  people
//	------  ------
//	louvre      12
//	opera     NULL
//	(2 rows)
func writeTable(w *bufio.Writer, r *result) error {
	rows := [][]string{make([]string, len(r.names)), make([]string, len(r.names))}
	widths := make([]int, len(r.names))
	for i, name := range r.names {
		rows[0][i] = printable(name)
		widths[i] = width(rows[0][i])
	}
	err := r.each(func() error {
		row := make([]string, len(r.values))
		for i, v := range r.values {
			row[i] = "NULL"
			if v != nil {
				row[i] = printable(text(v, r.types[i]))
			}
			widths[i] = max(widths[i], width(row[i]))
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		return err
	}
	for i, n := range widths {
		rows[1][i] = strings.Repeat("-", n)
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-width(cell))
			if i > 0 {
				line += "  "
			}
			if isNumber(r.types[i]) {
				line += padding + cell
			} else {
				line += cell + padding
			}
		}
		// An error stays with the writer, and shows below.
		_, _ = w.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	count := "(1 row)"
	if n := len(rows) - 2; n != 1 {
		count = fmt.Sprintf("(%d rows)", n)
	}
	_, err = w.WriteString(count + "\n")
	return err
}

// printable keeps a value on its line, and its control characters from the
// terminal: a name is whatever an app has sent.
func printable(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// wide are the first and last of the runes that take two columns of a terminal
// (Unicode Standard Annex #11, East Asian Width, values W and F), in coarse
// blocks.
var wide = [][2]rune{
	{0x1100, 0x115f},
	{0x2e80, 0x303e},
	{0x3041, 0xa4cf},
	{0xa960, 0xa97c},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe30, 0xfe6f},
	{0xff00, 0xff60},
	{0xffe0, 0xffe6},
	{0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff},
	{0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
}

// width is how many columns of a terminal the text takes: none for a mark that
// combines with the rune before it, and two for a wide rune.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r < 0x300:
			n++
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		default:
			n++
			for _, block := range wide {
				if block[0] <= r && r <= block[1] {
					n++
					break
				}
			}
		}
	}
	return n
}
