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
		styles = append(styles, "font-size:"+strconv.FormatFloat(size, 'f', -1, 64)+"px")
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

// pixels reads a length in pixels, between what can be read and what leaves room.
func pixels(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	if err != nil || math.IsNaN(n) {
		return 0, false
	}
	return max(11, min(n, 40)), true
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
