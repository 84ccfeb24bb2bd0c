package visual

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// styleOf is the style attribute of an <inline> or <block>, with a space before
// it; empty when there is none. Colours are the page's: a definition's were chosen for
// one background, and the page is light or dark as its reader likes.
func styleOf(e *rich) string {
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
	switch u.Scheme {
	case "http", "https":
		return u.String(), u.Host != ""
	case "mailto":
		return u.String(), u.Opaque != ""
	default:
		return "", false
	}
}
