package standin

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/usage"
)

// deliver puts an object for Firehose, as AWS does it: its requests to S3 are
// billed like any other.
func (c *Cloud) deliver(ctx context.Context, bucket, key string, content []byte) error {
	size := int64(len(content))
	c.usage.Add(usage.Key{Service: "s3", Operation: "PutObject", Resource: folder(bucket, key)},
		usage.Count{Requests: 1, Messages: 1, Payload: size})
	return c.S3.Put(ctx, bucket, key, content)
}

// countObjects counts the requests to S3 that come by HTTP.
func (c *Cloud) countObjects(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation, resource := objectOperation(r)
		n := usage.Count{Requests: 1}
		if r.Method == http.MethodPut {
			n.Payload = max(0, r.ContentLength) // -1 where the request does not say
			// The frame of chunks is longer than what is in it.
			if decoded, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil && decoded >= 0 && (r.ContentLength < 0 || decoded <= r.ContentLength) {
				n.Payload = decoded
			}
		}
		next.ServeHTTP(w, r)
		if r.Method == http.MethodGet {
			n.Payload, _ = strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64) // 0 where it does not say
		}
		c.usage.Add(usage.Key{Service: "s3", Operation: operation, Resource: resource}, n)
	})
}

// objectOperation names the operation of a request to S3, as far as the bill
// distinguishes them: PUT, COPY, POST and LIST cost one price, GET and all others
// another, DELETE nothing. The resource is the bucket and the first folder.
func objectOperation(r *http.Request) (operation, resource string) {
	bucket, key, inBucket := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	onObject := inBucket && key != ""
	if prefix := r.URL.Query().Get("prefix"); !onObject {
		key = prefix
	}
	resource = folder(bucket, key)
	switch {
	case onObject && r.Method == http.MethodPut:
		return "PutObject", resource
	case onObject && r.Method == http.MethodGet:
		return "GetObject", resource
	case onObject && r.Method == http.MethodHead:
		return "HeadObject", resource
	case onObject && r.Method == http.MethodDelete:
		return "DeleteObject", resource
	case r.Method == http.MethodGet:
		return "ListObjectsV2", resource
	case r.Method == http.MethodHead:
		return "HeadBucket", resource
	default:
		return r.Method, resource
	}
}

func folder(bucket, key string) string {
	first, _, ok := strings.Cut(key, "/")
	if !ok {
		return bucket
	}
	return bucket + "/" + first
}
