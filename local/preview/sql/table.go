package sql

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// writeTable writes
//
//	poi_id  people
//	------  ------
//	louvre      12
//	opera     NULL
//	(2 rows)
func writeTable(w *bufio.Writer, r *answer) error {
	rows := [][]string{make([]string, len(r.names)), make([]string, len(r.names))}
	widths := make([]int, len(r.names))
	for i, name := range r.names {
		rows[0][i] = printable(name)
		widths[i] = runewidth.StringWidth(rows[0][i])
	}
	err := r.each(func() error {
		row := make([]string, len(r.values))
		for i, v := range r.values {
			row[i] = "NULL"
			if v != nil {
				row[i] = printable(text(v, r.types[i]))
			}
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
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
			padding := strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell))
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
