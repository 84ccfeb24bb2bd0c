package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// JSON serves one service by AWS's JSON protocol, 1.0 or 1.1: every action is a
// POST of one JSON object, named by the header X-Amz-Target, and an error is an
// object with a `__type`. Signatures are not checked.
type JSON struct {
	Service string // its short name, for people
	Target  string // what the header X-Amz-Target begins with
	Version string // of the protocol
	// MaxBody bounds a request in bytes; a longer one is refused with TooLong.
	MaxBody int64
	TooLong *Error
	Actions map[string]Action
	// The codes of the refusals of a body that is not the JSON that was expected,
	// of an action that is not in Actions, and of what this machine fails to do.
	Malformed, Unknown, Internal string
	// Names, unless it is nil, gives the `__type` of an error, and what is sent in
	// the header x-amzn-query-error.
	Names func(*Error) (errorType, queryError string)
	// Count, unless it is nil, is given what each request carried, and the bytes of
	// the two HTTP bodies.
	Count func(action string, used Used, wire int64)
}

// Used is what one request carried, for the count of what AWS would bill.
type Used struct {
	Resource string // queue or stream
	Messages int
	Payload  int // bytes, as AWS counts them
}

// Action answers a request with what is written as JSON; nil is an empty object.
type Action func(ctx context.Context, body []byte, used *Used) (output any, err error)

// On makes an action of a function that wants its input decoded. Members that In
// does not have are ignored, as AWS does.
func On[In any](do func(context.Context, *In, *Used) (any, error)) Action {
	return func(ctx context.Context, body []byte, used *Used) (any, error) {
		in := new(In)
		if len(body) > 0 {
			if err := json.Unmarshal(body, in); err != nil {
				return nil, fmt.Errorf("%w: %w", errMalformed, err)
			}
		}
		return do(ctx, in, used)
	}
}

var errMalformed = errors.New("the request is not the JSON that was expected")

// ServeHTTP answers a request.
func (p *JSON) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), p.Target)
	var used Used
	status, queryError := http.StatusOK, ""
	output, err := p.run(w, r, action, &used)
	body, failed := encode(output)
	if err = errors.Join(err, failed); err != nil {
		refusal := As(err, p.Internal)
		errorType := refusal.Code
		if p.Names != nil {
			errorType, queryError = p.Names(refusal)
		}
		status, body = refusal.HTTPStatus(), errorBody(errorType, refusal.Message)
	}
	if p.Count != nil {
		p.Count(action, used, max(r.ContentLength, 0)+int64(len(body)))
	}
	if queryError != "" {
		w.Header().Set("X-Amzn-Query-Error", queryError)
	}
	write(w, p.Version, status, body)
}

func (p *JSON) run(w http.ResponseWriter, r *http.Request, action string, used *Used) (any, error) {
	do, ok := p.Actions[action]
	if !ok {
		return nil, Missing(p.Unknown, p.Service+" "+action)
	}
	body, err := ReadAll(w, r, p.MaxBody)
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			return nil, p.TooLong
		}
		return nil, err
	}
	output, err := do(r.Context(), body, used)
	if errors.Is(err, errMalformed) {
		return nil, Refuse(p.Malformed, "%s", err)
	}
	return output, err
}

// ReadAll reads the whole body of the request, at most limit bytes, into a buffer
// that is large enough from the start where the client has said how much it sends.
// The error wraps *http.MaxBytesError when it was more.
func ReadAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), limit)+bytes.MinRead))
	if _, err := data.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return data.Bytes(), nil
}

func encode(output any) ([]byte, error) {
	if output == nil {
		return []byte("{}"), nil
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(output); err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}

func errorBody(errorType, message string) []byte {
	body, _ := encode(struct { // Texts can always be written.
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{errorType, message})
	return body
}

// WriteError refuses a request in the JSON protocol for a service that is not here.
func WriteError(w http.ResponseWriter, refusal *Error) {
	write(w, "1.1", refusal.HTTPStatus(), errorBody(refusal.Code, refusal.Message))
}

func write(w http.ResponseWriter, version string, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/x-amz-json-"+version)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Amzn-Requestid", uuid.NewString())
	w.WriteHeader(status)
	_, _ = w.Write(body) // The client may be gone.
}
