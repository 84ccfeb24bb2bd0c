// Package awsjson reads and writes the two JSON protocols of AWS (1.0 for SQS,
// 1.1 for Firehose): every action is a POST of one JSON object, named by the
// header X-Amz-Target, and an error is an object with a `__type`.
package awsjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Reply is what an action answers: a body in one of the JSON protocols.
type Reply struct {
	Status int
	Body   []byte
	// QueryError is the header x-amzn-query-error, which carries the code that
	// SQS used in its older protocol, or nothing.
	QueryError string
	// Used is what the request carried, for the count of what AWS would bill.
	Used Used
}

// Used is what one request carried.
type Used struct {
	Resource string // queue or stream
	Messages int
	Payload  int // bytes, as AWS counts them
}

// Decode reads the whole body of the request, at most limit bytes, as one JSON
// object into the struct that into points to. Unknown members are ignored, as
// AWS does.
func Decode(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	data, err := ReadAll(w, r, limit)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the request is not the JSON that was expected: %w", err)
	}
	return nil
}

// ReadAll reads the whole body of the request, at most limit bytes, into a
// buffer that is large enough from the start where the client has said how much
// it sends. The error wraps *http.MaxBytesError when it was more.
func ReadAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, limit)
	data := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), limit)+bytes.MinRead))
	if _, err := data.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return data.Bytes(), nil
}

// Error makes the reply for a failed action: the type is the error's name with
// its namespace, such as com.amazonaws.sqs#QueueDoesNotExist.
func Error(status int, errorType, message string) Reply {
	body := append([]byte(nil), `{"__type":`...)
	body = AppendString(body, errorType)
	body = append(body, `,"message":`...)
	body = AppendString(body, message)
	return Reply{Status: status, Body: append(body, '}')}
}

// Marshal makes the reply for a successful action from a struct.
func Marshal(v any) (Reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Reply{}, fmt.Errorf("write the answer: %w", err)
	}
	return Reply{Status: http.StatusOK, Body: body}, nil
}

// Write sends the reply in the given version of the protocol, "1.0" or "1.1".
// An error of the connection is of no use to anyone: the client is gone.
func (reply Reply) Write(w http.ResponseWriter, version string) {
	header := w.Header()
	header.Set("Content-Type", "application/x-amz-json-"+version)
	header.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	header.Set("X-Amzn-Requestid", uuid.NewString())
	if reply.QueryError != "" {
		header.Set("X-Amzn-Query-Error", reply.QueryError)
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become the
// replacement character, because JSON has no way to write them.
func AppendString(to []byte, s string) []byte {
	to = append(to, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				to = append(to, s[start:i]...)
				to = append(to, `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		to = append(to, s[start:i]...)
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			to = append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	to = append(to, s[start:]...)
	return append(to, '"')
}
