package definition

import (
	"html"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

var (
	// inText is how a title, a text box or a narrative shows a parameter.
	inText = regexp.MustCompile(`<parameter>\s*\$\{([^}]*)\}\s*</parameter>`)
	// inURL is how a URL action does: https://docs.aws.amazon.com/quicksight/latest/user/custom-url-actions.html
	inURL = regexp.MustCompile(`<<\$([^>]*)>>`)
)

// text checks the parameters that a text shows.
func (c *checker) text(text string, p path) {
	if !strings.Contains(text, "<") {
		return
	}
	for _, m := range inText.FindAllStringSubmatch(text, -1) {
		c.refer(role{refers: parameter}, html.UnescapeString(m[1]), p, scope{})
	}
}

// url checks the parameters of a URL action.
func (c *checker) url(n *types.CustomActionURLOperation, p path) {
	for _, m := range inURL.FindAllStringSubmatch(deref(n.URLTemplate), -1) {
		c.refer(role{refers: parameter}, m[1], p.member("URLTemplate"), scope{})
	}
}
