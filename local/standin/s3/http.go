package s3

import (
	"encoding/xml"
	"errors"
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
		if err := errors.Join(checkMaxKeys(r.URL.Query()), unchunk(r)); err != nil {
			writeError(w, r, http.StatusBadRequest, string(gofakes3.ErrInvalidArgument), err.Error())
			return
		}
		fake.ServeHTTP(w, r)
	})
}

// parameters are the query parameters that this stand-in understands. Any other
// one names a sub-resource (?acl, ?lifecycle) or a part of an upload, and a PUT of that,
// taken for the PUT of an object or a bucket, would do harm.
var parameters = map[string]bool{
	"continuation-token": true, "delete": true, "delimiter": true, "encoding-type": true,
	"fetch-owner": true, "list-type": true, "location": true, "marker": true, "max-keys": true,
	"prefix": true, "start-after": true, "versionId": true, "versioning": true, "x-id": true,
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
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPost:
		return ""
	}
	return r.Method
}

// checkMaxKeys refuses a limit that is none. gofakes3 would read a negative one as 0,
// and answer an empty list.
func checkMaxKeys(query url.Values) error {
	text := query.Get("max-keys")
	if n, err := strconv.ParseInt(text, 10, 64); query.Has("max-keys") && (err != nil || n < 0 || n > math.MaxInt32) {
		return fmt.Errorf("argument max-keys must be an integer between 0 and %d", math.MaxInt32)
	}
	return nil
}

func writeError(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	body, err := xml.Marshal(struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}{Code: code, Message: message})
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
	r.Body = struct {
		io.Reader
		io.Closer
	}{httputil.NewChunkedReader(r.Body), r.Body}
	r.ContentLength = size
	r.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	r.Header.Set(hash, "UNSIGNED-PAYLOAD")
	r.Header.Del("Content-Encoding")
	return nil
}
