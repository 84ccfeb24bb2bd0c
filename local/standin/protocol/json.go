package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

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

// JSON writes texts, numbers and lists of them, which can always be written.
func JSON(value any) []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // See above.
	return bytes.TrimSuffix(body.Bytes(), []byte("\n"))
}

// JSON is a refusal in the JSON protocol, whose `__type` is that of the error.
func (e *Error) JSON(errorType string) []byte {
	return JSON(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{errorType, e.Message})
}

// Write answers a request. The id is that of the request.
func Write(w http.ResponseWriter, contentType, id string, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	_, _ = w.Write(body) // The client may be gone.
}
