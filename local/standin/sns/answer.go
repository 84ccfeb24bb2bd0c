package sns

import (
	"bytes"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// answer builds the XML of one answer of the query protocol.
type answer struct {
	action, request string
	body            bytes.Buffer
	failed          bool
}

const namespace = `xmlns="http://sns.amazonaws.com/doc/2010-03-31/"`

func (out *answer) open(name string)  { out.body.WriteString("<" + name + ">") }
func (out *answer) close(name string) { out.body.WriteString("</" + name + ">") }

func (out *answer) text(name, value string) {
	out.open(name)
	_ = xml.EscapeText(&out.body, []byte(value)) // A buffer takes everything.
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

// bytes is the whole answer.
func (out *answer) bytes() []byte {
	if out.failed {
		return out.body.Bytes()
	}
	var all bytes.Buffer
	all.WriteString("<" + out.action + "Response " + namespace + "><" + out.action + "Result>")
	all.Write(out.body.Bytes())
	all.WriteString("</" + out.action + "Result><ResponseMetadata><RequestId>" + out.request +
		"</RequestId></ResponseMetadata></" + out.action + "Response>")
	return all.Bytes()
}

// fail replaces the answer with an error and gives its status.
func (out *answer) fail(err error) int {
	refusal := &Error{Code: InternalError, Message: err.Error()}
	side, status := "Sender", http.StatusBadRequest
	switch {
	case !errors.As(err, &refusal):
		side, status = "Receiver", http.StatusInternalServerError
	case refusal.Code == NotFound:
		status = http.StatusNotFound
	case refusal.Code == InvalidAction:
		status = http.StatusNotImplemented
	}
	*out = answer{request: out.request, failed: true}
	out.error(side, refusal.Code, refusal.Message)
	return status
}

func (out *answer) error(side, code, message string) {
	out.body.WriteString("<ErrorResponse " + namespace + ">")
	out.open("Error")
	out.text("Type", side)
	out.text("Code", code)
	out.text("Message", message)
	out.close("Error")
	out.text("RequestId", out.request)
	out.close("ErrorResponse")
}

func (out *answer) write(w http.ResponseWriter, status int) {
	header := w.Header()
	header.Set("Content-Type", "text/xml")
	header.Set("X-Amzn-Requestid", out.request)
	w.WriteHeader(status)
	_, _ = w.Write(out.bytes()) // The client may be gone.
}

// WriteError answers an error of the sender in the query protocol, also for
// services that are not here.
func WriteError(w http.ResponseWriter, status int, code, message string) {
	out := &answer{request: uuid.NewString(), failed: true}
	out.error("Sender", code, message)
	out.write(w, status)
}
