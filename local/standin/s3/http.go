package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"
)

// Handler speaks S3's protocol, with the bucket in the path. Signatures are not
// checked, and neither are the checksums that came with a PUT, Content-MD5
// excepted: nothing but this machine's memory lies between the two.
func (s *Store) Handler() http.Handler {
	fake := gofakes3.New(s, gofakes3.WithTimeSkewLimit(0)).Server()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := missing(r); name != "" {
			writeError(w, r, http.StatusNotImplemented, string(gofakes3.ErrNotImplemented),
				"headcount's stand-in has no s3 "+name+".")
			return
		}
		err := checkNumbers(r.URL.Query())
		if err == nil {
			err = checkParts(r)
		}
		if err == nil {
			err = unchunk(r)
		}
		if err != nil {
			writeError(w, r, http.StatusBadRequest, string(gofakes3.ErrInvalidArgument), err.Error())
			return
		}
		fake.ServeHTTP(w, r)
	})
}

// parameters are the query parameters that this stand-in understands. Any other
// one names a sub-resource (?acl, ?lifecycle), and a PUT of that, taken for the
// PUT of an object or a bucket, would do harm.
var parameters = map[string]bool{
	"continuation-token": true, "delete": true, "delimiter": true, "encoding-type": true,
	"fetch-owner": true, "list-type": true, "location": true, "marker": true, "max-keys": true,
	"max-parts": true, "max-uploads": true, "key-marker": true,
	"partNumber": true, "prefix": true, "start-after": true, "upload-id-marker": true,
	"uploadId": true, "uploads": true, "versionId": true, "versioning": true, "x-id": true,
	"AWSAccessKeyId": true, "Expires": true, "Signature": true, // of presigned URLs, with X-Amz-… as well
}

// missing names what the request asks for and the stand-in does not have, or
// nothing.
func missing(r *http.Request) string {
	for name := range r.URL.Query() {
		lower := strings.ToLower(name)
		if !parameters[name] && !strings.HasPrefix(lower, "x-amz-") && !strings.HasPrefix(lower, "response-") {
			return r.Method + " ?" + name
		}
	}
	if query := r.URL.Query(); query.Has("partNumber") && !query.Has("uploadId") {
		return r.Method + " ?partNumber of an object"
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPost:
		return ""
	}
	return r.Method
}

// maxPart is the highest number of a part, from the quotas of S3.
const maxPart = 10_000

// numbers are the bounds of the query parameters that are numbers. gofakes3 would
// read a negative one as 0, and answer an empty list.
var numbers = map[string]struct{ low, high int64 }{
	"max-keys": {0, math.MaxInt32}, "max-parts": {0, math.MaxInt32}, "max-uploads": {0, math.MaxInt32}, "partNumber": {1, maxPart},
}

func checkNumbers(query url.Values) error {
	for name, bounds := range numbers {
		if !query.Has(name) {
			continue
		}
		if n, err := strconv.ParseInt(query.Get(name), 10, 64); err != nil || n < bounds.low || n > bounds.high {
			return fmt.Errorf("argument %s must be an integer between %d and %d", name, bounds.low, bounds.high)
		}
	}
	return nil
}

// checkParts reads the list that completes an upload and puts it back: gofakes3
// uses the numbers of the parts as indexes.
func checkParts(r *http.Request) error {
	if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
		return nil
	}
	const longest = maxPart * 1024 // far more than a number and an ETag need
	body, err := io.ReadAll(io.LimitReader(r.Body, longest))
	if err != nil {
		return fmt.Errorf("read the list of parts: %w", err)
	}
	replaceBody(r, bytes.NewReader(body))
	var list struct {
		Part []struct{ PartNumber int64 }
	}
	_ = xml.Unmarshal(body, &list) // gofakes3 says what is wrong with it.
	for _, part := range list.Part {
		if part.PartNumber < 1 || part.PartNumber > maxPart {
			return fmt.Errorf("part number must be an integer between 1 and %d, inclusive", maxPart)
		}
	}
	return nil
}

// errorBody is an error of S3.
type errorBody struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

func writeError(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	body, err := xml.Marshal(errorBody{Code: code, Message: message})
	if err != nil || r.Method == http.MethodHead {
		body = nil
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, xml.Header+string(body)) // The client may be gone.
}

// unchunk removes the framing of a body that an SDK sent in chunks with their
// signatures or a checksum after the last one (Content-Encoding: aws-chunked),
// so that what follows sees a plain body of known length. The format is that of
// HTTP's own chunks; signatures and trailers are ignored.
func unchunk(r *http.Request) error {
	const hash, length = "X-Amz-Content-Sha256", "X-Amz-Decoded-Content-Length"
	if !strings.HasPrefix(r.Header.Get(hash), "STREAMING-") &&
		!strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return nil
	}
	size, err := strconv.ParseInt(r.Header.Get(length), 10, 64)
	if err != nil || size < 0 {
		return gofakes3.ErrorMessage(gofakes3.ErrInvalidArgument, length+" must give the size of the content")
	}
	replaceBody(r, httputil.NewChunkedReader(r.Body))
	r.ContentLength = size
	r.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	r.Header.Set(hash, "UNSIGNED-PAYLOAD")
	r.Header.Del("Content-Encoding")
	return nil
}

// replaceBody gives a request another body; closing it closes the one before.
func replaceBody(r *http.Request, body io.Reader) {
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
}
