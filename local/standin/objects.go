package standin

import (
	"cmp"
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
		next.ServeHTTP(w, r)
		n := usage.Count{Requests: 1}
		if r.Method == http.MethodPut {
			n.Payload = max(0, r.ContentLength) // without the frame of chunks, which is off by now; -1 where it is not known
		}
		if r.Method == http.MethodGet {
			n.Payload, _ = strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64) // 0 where it does not say
		}
		c.usage.Add(usage.Key{Service: "s3", Operation: operation, Resource: resource}, n)
	})
}

// operations are the names of requests to S3, as far as the bill distinguishes them:
// PUT, COPY, POST and LIST cost one price, GET and all others another, DELETE nothing.
var operations = map[string]string{
	"PUT object": "PutObject", "GET object": "GetObject", "HEAD object": "HeadObject", "DELETE object": "DeleteObject",
	"GET bucket": "ListObjectsV2", "HEAD bucket": "HeadBucket",
}

// objectOperation names the operation of a request, and its resource: the bucket and
// the first folder.
func objectOperation(r *http.Request) (operation, resource string) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	of := " object"
	if key == "" {
		of, key = " bucket", r.URL.Query().Get("prefix")
	}
	return cmp.Or(operations[r.Method+of], r.Method), folder(bucket, key)
}

func folder(bucket, key string) string {
	first, _, ok := strings.Cut(key, "/")
	if !ok {
		return bucket
	}
	return bucket + "/" + first
}
