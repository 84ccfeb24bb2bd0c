package visual

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// richValues are what is put into a rich text.
type richValues struct {
	parameter func(name string) string
	narrative *insight // whose narrative it is, nil for none
	index     int      // of the turn of a narrative's loop
}

// rich writes the XML of titles, text boxes and narratives as HTML:
// <text-box>, <visual-title>, <visual-subtitle> or <narrative> with <inline>,
// <block>, <br/>, <a>, <ul>, <ol>, <li>, <b>, <i>, <u>, <s>, <parameter> and, in a
// narrative, <expression>, <if> and <for> within.
type rich struct {
	out    strings.Builder
	values richValues
}

// deepest is how far elements are nested at most. Deeper ones count as malformed. A
// loop counts as half of that, so that loops in loops end.
const deepest = 64

var errRich = errors.New("the text is nested too deeply, or does not end")

// richHTML is a rich text as HTML: div, span, br, ul, ol, li, b, i, u, s and a
// alone, with the attributes style, href, target and rel, and all text escaped.
// It is well-formed XML, too. What is malformed gives its text alone.
func richHTML(s string, values richValues) string {
	w := &rich{values: values}
	if w.write(s, 0) != nil {
		w.out.Reset()
		w.text(strings.TrimSpace(putIn(stripped(s), values.parameter)))
	}
	return strings.TrimSpace(w.out.String())
}

var (
	inLine = regexp.MustCompile(`</?(span|b|i|u|s|a)\b[^>]*>`)
	tags   = regexp.MustCompile(`<[^>]*>?`)
	// parts are the conditional parts of a malformed narrative, of which nobody knows
	// whether they hold.
	parts = regexp.MustCompile(`(?s)<(if|for)\b.*?</(if|for)>`)
)

// richText is the plain text of a rich one, on one line.
func richText(s string, values richValues) string {
	return stripped(inLine.ReplaceAllString(richHTML(s, values), ""))
}

// stripped is a text without what looks like elements.
func stripped(s string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(parts.ReplaceAllString(s, " "), " "))), " ")
}

// write writes a text that is nested so deeply.
func (w *rich) write(s string, depth int) error {
	d := xml.NewDecoder(strings.NewReader(s))
	d.Entity = xml.HTMLEntity
	var open []element
	afterBlock := false
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) && len(open) == 0 {
			return nil
		}
		if err != nil {
			return errRich
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := elementOf(t)
			if depth += 1; depth > deepest {
				return errRich
			}
			// A <br/> behind a block only ends the line that the block ends anyway.
			if e.name != "br" || !afterBlock {
				w.out.WriteString(e.start)
			}
			e.at, afterBlock = w.out.Len(), false
			if !slices.Contains([]string{"parameter", "expression", "if", "for"}, e.name) {
				open = append(open, e)
				continue
			}
			inner, err := inside(d, s)
			if err == nil {
				err = w.fill(e, inner, depth)
			}
			if err != nil {
				return err
			}
			depth--
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1].name != strings.ToLower(t.Name.Local) {
				return errRich
			}
			e := open[len(open)-1]
			open, depth = open[:len(open)-1], depth-1
			afterBlock = e.name == "block" && w.out.Len() > e.at
			w.out.WriteString(e.end)
		case xml.CharData:
			if text := spaced(string(t)); text != "" {
				w.text(text)
				afterBlock = false
			}
		}
	}
}

// text writes a text, in characters that XML and HTML allow.
func (w *rich) text(s string) {
	w.out.WriteString(html.EscapeString(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' || r == utf8.RuneError || r&0xfffe == 0xfffe {
			return -1
		}
		return r
	}, s)))
}

// inside is what stands in the element that was just read, and skips it.
func inside(d *xml.Decoder, s string) (string, error) {
	start := d.InputOffset()
	for depth := 1; ; {
		end := d.InputOffset()
		token, err := d.RawToken()
		if err != nil {
			return "", errRich
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			if depth--; depth == 0 {
				return s[start:end], nil
			}
		}
	}
}

// fill writes what stands for a parameter, an expression, a condition or a loop. The
// number of a loop's turn is put into paths and conditions.
func (w *rich) fill(e element, inner string, depth int) error {
	i := w.values.narrative
	item := func(s string) string { return strings.ReplaceAll(s, "[index]", "["+strconv.Itoa(w.values.index)+"]") }
	path := stripped(inner)
	switch {
	case e.name == "parameter" || e.name == "expression" && strings.HasPrefix(path, "${"):
		w.text(putIn(path, w.values.parameter))
	case i == nil && e.name == "expression":
		w.text("…")
	case i == nil: // no narrative
		return w.write(inner, depth)
	case e.name == "expression":
		w.text(i.expression(item(path)))
	case e.name == "if":
		if i.holds(item(e.attrs["condition"])) {
			return w.write(inner, depth)
		}
	default:
		outer := w.values.index
		for w.values.index = range i.times(item(e.attrs["range"])) {
			if err := w.write(inner, depth+deepest/2); err != nil {
				return err
			}
		}
		w.values.index = outer
	}
	return nil
}

// element is an element of a rich text, and what begins and ends it in HTML.
type element struct {
	name, start, end string
	attrs            map[string]string
	at               int // where it begins in what is written
}

// same are the elements that are called the same in HTML.
var same = []string{"ul", "ol", "li", "b", "i", "u", "s"}

// elementOf reads an element. Of those that nobody knows, text-box and narrative among
// them, the content alone is written.
func elementOf(t xml.StartElement) element {
	e := element{name: strings.ToLower(t.Name.Local), attrs: map[string]string{}}
	for _, a := range t.Attr {
		e.attrs[strings.ToLower(a.Name.Local)] = a.Value
	}
	address, ok := link(e.attrs["href"])
	tag, attributes := "", ""
	switch {
	case e.name == "inline":
		tag, attributes = "span", styleOf(e)
	case e.name == "block":
		tag, attributes = "div", styleOf(e)
	case e.name == "a" && ok:
		tag, attributes = "a", ` href="`+html.EscapeString(address)+`" target="_blank" rel="noopener"`
	case e.name == "br":
		e.start = "<br/>"
	case slices.Contains(same, e.name):
		tag = e.name
	}
	if tag != "" {
		e.start, e.end = "<"+tag+attributes+">", "</"+tag+">"
	}
	return e
}

// styleOf is the style attribute of an <inline> or <block>, with a space before
// it; empty when there is none. Colours are the page's: a definition's were chosen for
// one background, and the page is light or dark as its reader likes.
func styleOf(e element) string {
	var styles []string
	if size, ok := pixels(e.attrs["font-size"]); ok {
		// between what can be read and what leaves room
		styles = append(styles, "font-size:"+strconv.FormatFloat(max(11, min(size, 40)), 'f', -1, 64)+"px")
	}
	switch align := e.attrs["align"]; align {
	case "left", "right", "center", "justify":
		styles = append(styles, "text-align:"+align)
	}
	if len(styles) == 0 {
		return ""
	}
	return fmt.Sprintf(` style="%s"`, strings.Join(styles, ";"))
}

// pixels reads a length in pixels.
func pixels(s string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	return n, err == nil && !math.IsNaN(n)
}

// link reports whether an address may be followed: the web and mail alone.
func link(address string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "", false
	}
	return u.String(), (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" || u.Scheme == "mailto" && u.Opaque != ""
}

// colored reports whether a rich text has colours, which are not drawn.
func colored(s string) bool { return strings.Contains(s, `color="`) }

// indents are the edges of a text that indentation has made, and what stands in their
// place. QuickSight's exports are indented, so that a text's edges may have grown a line
// break that nobody wrote: it is a space where two words would run together, else
// nothing. A space that counts is a no-break one there.
var indents = []struct {
	blank *regexp.Regexp
	by    string
}{
	{regexp.MustCompile(`^[ \t\r]*\n[ \t\r\n]*([^\p{L}\p{N}( \t\r\n]|$)`), "$1"},
	{regexp.MustCompile(`([^\p{L}\p{N}.,;:!?) \t\r\n])[ \t\r]*\n[ \t\r\n]*$`), "$1"},
	{regexp.MustCompile(`[ \t\r\n]+`), " "},
}

// spaced removes the indentation of a text.
func spaced(s string) string {
	for _, i := range indents {
		s = i.blank.ReplaceAllString(s, i.by)
	}
	return s
}
