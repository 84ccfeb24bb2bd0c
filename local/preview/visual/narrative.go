package visual

import (
	"html"
	"regexp"
	"strconv"
	"strings"
)

// write puts the sentences, or the narrative, into the Drawing.
func (i *insight) write() {
	if i.narrative != "" {
		i.plan.undrawn(colored(i.narrative), "the colours of the text are")
		i.plan.drawing.Insight = &Text{HTML: richHTML(i.narrative, richValues{parameter: parameters(i.plan.builder), narrative: i})}
		return
	}
	var out strings.Builder
	for _, c := range i.computations {
		out.WriteString("<div>" + html.EscapeString(printable(c.sentence)) + "</div>")
	}
	i.plan.drawing.Insight = &Text{HTML: out.String()}
}

// output is the value of a path: a computation's name, and that of an output.
func (i *insight) output(path string) (any, bool) {
	for _, c := range i.computations {
		if rest, ok := strings.CutPrefix(path, c.name+"."); ok && c.name != "" {
			if v, known := c.outputs[rest]; known {
				return v, true
			}
		}
	}
	return nil, false
}

// expression writes an expression of the narrative.
func (i *insight) expression(path string) string {
	v, known := i.output(path)
	if !known {
		i.plan.notes.add("the narrative's expression %s is not known", shorten(path, 60))
		return "…"
	}
	return written(v, Format{Type: "number", Decimals: -1})
}

// times is how often a loop over a path, such as Ranking.items, is run.
func (i *insight) times(path string) int {
	n, known := i.output(strings.TrimSpace(path) + "Count")
	times, _ := n.(int64)
	if !known {
		i.plan.notes.add("the narrative's loop over %s is left out: it is not known", shorten(path, 60))
	}
	return int(times)
}

var (
	ors        = regexp.MustCompile(`(?i)\|\||\sor\s`)
	ands       = regexp.MustCompile(`(?i)&&|\sand\s`)
	comparison = regexp.MustCompile(`^(.+?)(>=|<=|<>|!=|==|=|>|<)(.+)$`)
)

// holds evaluates a condition of the narrative: comparisons of outputs with numbers,
// texts in quotes or other outputs, joined by and and or. One that cannot be
// evaluated does not hold, so that no two sentences contradict each other.
func (i *insight) holds(condition string) bool {
	holds, known := false, true
	for _, alternative := range ors.Split(condition, -1) {
		all := true
		for _, part := range ands.Split(alternative, -1) {
			is, ok := i.compares(part)
			all, known = all && is, known && ok
		}
		holds = holds || all
	}
	if !known {
		i.plan.notes.add("the part of the narrative where %s is left out: that is not known", shorten(condition, 60))
	}
	return holds && known
}

// compares evaluates one comparison; ok is false where it cannot.
func (i *insight) compares(s string) (is, ok bool) {
	parts := comparison.FindStringSubmatch(s)
	if parts == nil {
		return false, false
	}
	x, y := i.operand(parts[1]), i.operand(parts[3])
	if x == nil || y == nil || kind(x) != kind(y) {
		return false, false
	}
	switch order := compare(x, y); parts[2] {
	case ">=":
		return order >= 0, true
	case "<=":
		return order <= 0, true
	case ">":
		return order > 0, true
	case "<":
		return order < 0, true
	default:
		return (order == 0) == (parts[2] == "=" || parts[2] == "=="), true
	}
}

// operand is a number, a text in quotes or an output; nil for what is not known.
func (i *insight) operand(s string) any {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return n
	}
	for _, quote := range []string{`"`, `'`} {
		if len(s) > 1 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			return s[1 : len(s)-1]
		}
	}
	v, _ := i.output(s)
	return v
}
