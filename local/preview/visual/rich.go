package visual

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
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

// rich is an element of a rich text, or a text in it.
type rich struct {
	name     string // of the element; empty for a text
	text     string
	attrs    map[string]string
	children []*rich
}

// deepest is how far elements are nested at most. Deeper ones count as malformed.
const deepest = 64

var errRich = errors.New("the text is nested too deeply, or does not end")

// parseRich reads the XML of titles, text boxes and narratives:
// <text-box>, <visual-title>, <visual-subtitle> or <narrative> with <inline>,
// <block>, <br/>, <a>, <ul>, <ol>, <li>, <b>, <i>, <u>, <s>, <parameter> and, in a
// narrative, <expression>, <if> and <for> within.
func parseRich(s string) (*rich, error) {
	d := xml.NewDecoder(strings.NewReader(s))
	d.Entity = xml.HTMLEntity
	root := &rich{name: "root"}
	open := []*rich{root}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) && len(open) == 1 {
			return root, nil
		}
		if err != nil {
			return nil, errRich
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) > deepest {
				return nil, errRich
			}
			e := &rich{name: strings.ToLower(t.Name.Local), attrs: map[string]string{}}
			for _, a := range t.Attr {
				e.attrs[strings.ToLower(a.Name.Local)] = a.Value
			}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			if len(open) == 1 || top.name != strings.ToLower(t.Name.Local) {
				return nil, errRich
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if text := spaced(string(t)); text != "" {
				top.children = append(top.children, &rich{text: text})
			}
		}
	}
}

// blanks are the spaces that XML's indentation is made of; a space that counts
// is a no-break one in QuickSight's exports.
const blanks = " \t\r\n"

// spaced removes the indentation of a text. QuickSight's exports are indented, so
// that a text's edges may have grown a line break that nobody wrote: it is a space
// where two words would run together, else nothing.
func spaced(s string) string {
	if strings.Trim(s, blanks) == "" {
		if strings.Contains(s, "\n") {
			return ""
		}
		return s
	}
	body := strings.Trim(s, blanks)
	before, after, _ := strings.Cut(s, body)
	first, _ := utf8.DecodeRuneInString(body)
	last, _ := utf8.DecodeLastRuneInString(body)
	out := strings.Join(strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(blanks, r) }), " ")
	if before != "" && (!strings.Contains(before, "\n") || wordy(first) || first == '(') {
		out = " " + out
	}
	if after != "" && (!strings.Contains(after, "\n") || wordy(last) || strings.ContainsRune(".,;:!?)", last)) {
		out += " "
	}
	return out
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// richText is the plain text of a rich one, on one line. What is malformed gives
// its text without the elements.
func richText(s string, values richValues) string {
	root, err := parseRich(s)
	if err != nil {
		return strings.TrimSpace(putIn(stripped(s), values.parameter))
	}
	var out strings.Builder
	var walk func(e *rich)
	walk = func(e *rich) {
		switch e.name {
		case "":
			out.WriteString(e.text)
		case "br", "li", "block":
			out.WriteString(" ")
		case "parameter", "expression":
			out.WriteString(filled(e, values))
			return
		}
		for _, c := range e.children {
			walk(c)
		}
	}
	walk(root)
	return strings.Join(strings.Fields(out.String()), " ")
}

// filled is what stands for a <parameter> or an <expression>.
func filled(e *rich, values richValues) string {
	var name strings.Builder
	for _, c := range e.children {
		name.WriteString(c.text)
	}
	path := strings.TrimSpace(name.String())
	if e.name == "parameter" || strings.HasPrefix(path, "${") {
		return putIn(path, values.parameter)
	}
	if values.narrative == nil {
		return "…"
	}
	return values.narrative.expression(values.item(path))
}

// item puts the number of the loop's turn into a path or a condition.
func (v richValues) item(s string) string {
	return strings.ReplaceAll(s, "[index]", "["+strconv.Itoa(v.index)+"]")
}

// parts are the conditional parts of a malformed narrative, of which nobody knows
// whether they hold.
var parts = regexp.MustCompile(`(?s)<(if|for)\b.*?</(if|for)>`)

var tags = regexp.MustCompile(`<[^>]*>?`)

// stripped is a malformed rich text without what looks like elements.
func stripped(s string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(parts.ReplaceAllString(s, " "), " "))), " ")
}

// colored reports whether a rich text has colours, which are not drawn.
func colored(s string) bool { return strings.Contains(s, `color="`) }

// richHTML is a rich text as HTML: div, span, br, ul, ol, li, b, i, u, s and a
// alone, with the attributes style, href, target and rel, and all text escaped.
// It is well-formed XML, too. What is malformed gives its text alone.
func richHTML(s string, values richValues) string {
	root, err := parseRich(s)
	if err != nil {
		return html.EscapeString(strings.TrimSpace(printable(putIn(stripped(s), values.parameter))))
	}
	w := &htmlWriter{values: values}
	w.all(root.children)
	return strings.TrimSpace(w.out.String())
}

// printable leaves out what XML and HTML do not allow as characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n', r >= 0x20 && r < 0x7f, r >= 0xa0 && r < 0xfffe && r != utf8.RuneError, r > 0xffff:
			return r
		default:
			return -1
		}
	}, s)
}

type htmlWriter struct {
	out    strings.Builder
	values richValues
}

// same are the elements that are called the same in HTML.
var same = []string{"ul", "ol", "li", "b", "i", "u", "s"}

func (w *htmlWriter) all(elements []*rich) {
	for i, e := range elements {
		// A <br/> behind a block only ends the line that the block ends anyway.
		if e.name == "br" && i > 0 && elements[i-1].name == "block" && len(elements[i-1].children) > 0 {
			continue
		}
		w.element(e)
	}
}

func (w *htmlWriter) element(e *rich) {
	switch {
	case e.name == "":
		w.out.WriteString(html.EscapeString(printable(e.text)))
	case e.name == "br":
		w.out.WriteString("<br/>")
	case e.name == "parameter" || e.name == "expression":
		w.out.WriteString(html.EscapeString(printable(filled(e, w.values))))
	case e.name == "if" && w.values.narrative != nil:
		if w.values.narrative.holds(w.values.item(e.attrs["condition"])) {
			w.all(e.children)
		}
	case e.name == "for" && w.values.narrative != nil:
		outer := w.values.index
		for w.values.index = range w.values.narrative.times(w.values.item(e.attrs["range"])) {
			w.all(e.children)
		}
		w.values.index = outer
	case e.name == "inline":
		w.wrap("span", styleOf(e), e)
	case e.name == "block":
		w.wrap("div", styleOf(e), e)
	case e.name == "a":
		if href, ok := link(e.attrs["href"]); ok {
			w.wrap("a", ` href="`+html.EscapeString(href)+`" target="_blank" rel="noopener"`, e)
			return
		}
		w.all(e.children)
	case slices.Contains(same, e.name):
		w.wrap(e.name, "", e)
	default: // text-box, narrative, and what nobody knows: its content alone
		w.all(e.children)
	}
}

func (w *htmlWriter) wrap(element, attributes string, e *rich) {
	w.out.WriteString("<" + element + attributes + ">")
	w.all(e.children)
	w.out.WriteString("</" + element + ">")
}
