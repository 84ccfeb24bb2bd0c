package firehose

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// conversionFailed is the only error output type that there can be here.
const conversionFailed = "format-conversion-failed"

// layouts are the parts of an instant that a prefix may name, in Java's terms
// as AWS has it and in Go's.
var layouts = map[string]string{
	"yyyy": "2006", "MM": "01", "dd": "02", "HH": "15", "mm": "04", "ss": "05",
	"yyyy/MM/dd": "2006/01/02", "yyyy-MM-dd": "2006-01-02", "yyyy/MM/dd/HH": "2006/01/02/15",
}

// expand replaces the expressions !{timestamp:…}, !{firehose:random-string} and
// !{firehose:error-output-type} of a prefix. The instant is the arrival of the
// oldest record, in UTC. As on AWS, a prefix without any expression gets the
// hour, yyyy/MM/dd/HH/, after it.
func expand(prefix string, at time.Time, isError bool) (string, error) {
	at = at.UTC()
	var out strings.Builder
	rest, found := prefix, false
	for {
		before, after, ok := strings.Cut(rest, "!{")
		out.WriteString(before)
		if !ok {
			break
		}
		expression, tail, ok := strings.Cut(after, "}")
		if !ok {
			return "", fmt.Errorf("the prefix %q has a !{ without a }", prefix)
		}
		rest, found = tail, true
		namespace, value, _ := strings.Cut(expression, ":")
		layout, known := layouts[value]
		switch {
		case namespace == "timestamp" && known:
			out.WriteString(at.Format(layout))
		case expression == "firehose:error-output-type" && isError:
			out.WriteString(conversionFailed)
		case expression == "firehose:random-string":
			out.WriteString(uuid.NewString()[:11])
		default:
			return "", fmt.Errorf("the prefix %q has !{%s}, which headcount's stand-in does not know there", prefix, expression)
		}
	}
	if !found {
		out.WriteString(at.Format("2006/01/02/15/"))
	}
	return out.String(), nil
}

// objectName is what AWS calls an object after its prefix: the stream, its
// version, the arrival of the oldest record and something random.
func objectName(stream string, at time.Time) string {
	return stream + "-1-" + at.UTC().Format("2006-01-02-15-04-05-") + uuid.NewString()
}
