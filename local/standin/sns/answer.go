package sns

import (
	"bytes"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// answer builds the XML of one answer of the query protocol.
type answer struct{ body bytes.Buffer }

const namespace = `xmlns="http://sns.amazonaws.com/doc/2010-03-31/"`

func (out *answer) open(name string)  { out.body.WriteString("<" + name + ">") }
func (out *answer) close(name string) { out.body.WriteString("</" + name + ">") }

func (out *answer) text(name, value string) {
	out.open(name)
	_ = xml.EscapeText(&out.body, []byte(value)) // A buffer accepts everything.
	out.close(name)
}

func (out *answer) attributes(all map[string]string) {
	out.open("Attributes")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out.open("entry")
		out.text("key", name)
		out.text("value", all[name])
		out.close("entry")
	}
	out.close("Attributes")
}

// write sends the answer to an action.
func (out *answer) write(w http.ResponseWriter, action string) {
	request := uuid.NewString()
	write(w, http.StatusOK, request, "<"+action+"Response "+namespace+"><"+action+"Result>"+out.body.String()+"</"+action+"Result>"+
		"<ResponseMetadata><RequestId>"+request+"</RequestId></ResponseMetadata></"+action+"Response>")
}

// WriteError refuses a request in the query protocol, also for services that are
// not here.
func WriteError(w http.ResponseWriter, refusal *protocol.Error) {
	out, request := &answer{}, uuid.NewString()
	out.text("Type", refusal.Side())
	out.text("Code", refusal.Code)
	out.text("Message", refusal.Message)
	write(w, refusal.HTTPStatus(), request, "<ErrorResponse "+namespace+"><Error>"+out.body.String()+"</Error><RequestId>"+request+"</RequestId></ErrorResponse>")
}

func write(w http.ResponseWriter, status int, request, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/xml")
	header.Set("X-Amzn-Requestid", request)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) //nolint:gosec // It is XML, and texts are escaped. The client may be gone.
}
