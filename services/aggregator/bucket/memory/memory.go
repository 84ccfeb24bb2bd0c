// Package memory is an S3 bucket in memory with S3's conditional writes, for
// the tests of the aggregator: stateful, with what it is to refuse.
package memory

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // an ETag is one
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Bucket implements bucket.API. The zero Bucket is empty and ready.
type Bucket struct {
	// Before, if set, is called before each call with its verb and key; an
	// error is the call's answer. It may change the bucket.
	Before func(verb, key string) error
	// After, if set, is called after each PUT that took effect; an error is the
	// call's answer, as when the real one was lost.
	After func(key string) error
	// Ahead is how far its clock is ahead of this process's.
	Ahead time.Duration
	// Page is how many keys a page of a list has; 3 where it is 0.
	Page int

	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	data     []byte
	etag     string
	modified time.Time
}

func etag(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // an ETag is one
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// Put writes an object without condition.
func (b *Bucket) Put(key string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(key, data)
}

// put needs the lock. S3's times are whole seconds.
func (b *Bucket) put(key string, data []byte) {
	if b.objects == nil {
		b.objects = map[string]object{}
	}
	b.objects[key] = object{data, etag(data), b.now()}
}

func (b *Bucket) now() time.Time { return time.Now().Add(b.Ahead).Truncate(time.Second) }

// metadata gives an answer's metadata with S3's Date, in the way in which the client
// puts it there.
func (b *Bucket) metadata(ctx context.Context) middleware.Metadata {
	answer := &smithyhttp.Response{Response: &http.Response{Header: http.Header{"Date": {b.now().UTC().Format(http.TimeFormat)}}}}
	_, metadata, _ := awsmiddleware.RecordResponseTiming{}.HandleDeserialize(ctx, middleware.DeserializeInput{}, middleware.DeserializeHandlerFunc(
		func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
			return middleware.DeserializeOutput{RawResponse: answer}, middleware.Metadata{}, nil
		}))
	return metadata
}

// Delete removes an object.
func (b *Bucket) Delete(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
}

// Get gives an object's content, nil if there is none.
func (b *Bucket) Get(key string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[key].data
}

// Keys gives the keys with a prefix, sorted.
func (b *Bucket) Keys(prefix string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	keys := slices.Sorted(maps.Keys(b.objects))
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// Status is an answer of S3 with that status code.
func Status(code int) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}}, Err: fmt.Errorf("status %d", code),
	}}
}

func (b *Bucket) find(verb string, key *string) (object, bool, error) {
	if b.Before != nil {
		if err := b.Before(verb, *key); err != nil {
			return object{}, false, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, found := b.objects[*key]
	return o, found, nil
}

// GetObject implements bucket.API.
func (b *Bucket) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	o, found, err := b.find("get", in.Key)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, Status(http.StatusNotFound)
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(o.data)), ETag: aws.String(o.etag), LastModified: &o.modified, ResultMetadata: b.metadata(ctx)}, nil
}

// HeadObject implements bucket.API.
func (b *Bucket) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	o, found, err := b.find("head", in.Key)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, Status(http.StatusNotFound)
	}
	return &s3.HeadObjectOutput{ETag: aws.String(o.etag), LastModified: &o.modified, ResultMetadata: b.metadata(ctx)}, nil
}

// PutObject implements bucket.API.
func (b *Bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if b.Before != nil {
		if err := b.Before("put", *in.Key); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	if err := b.putIf(in, data); err != nil {
		return nil, err
	}
	if b.After != nil {
		if err := b.After(*in.Key); err != nil {
			return nil, err
		}
	}
	return &s3.PutObjectOutput{ETag: aws.String(etag(data))}, nil
}

// putIf checks the conditions and writes, in one step.
func (b *Bucket) putIf(in *s3.PutObjectInput, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	had, found := b.objects[*in.Key]
	switch {
	case in.IfNoneMatch != nil && found:
		return Status(http.StatusPreconditionFailed)
	case in.IfMatch != nil && !found:
		return Status(http.StatusNotFound)
	case in.IfMatch != nil && had.etag != *in.IfMatch:
		return Status(http.StatusPreconditionFailed)
	}
	b.put(*in.Key, data)
	return nil
}

// ListObjectsV2 implements bucket.API.
func (b *Bucket) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if _, _, err := b.find("list", in.Prefix); err != nil {
		return nil, err
	}
	out := &s3.ListObjectsV2Output{}
	page := max(b.Page, 3)
	for _, key := range b.Keys(*in.Prefix) {
		if key <= aws.ToString(in.ContinuationToken) {
			continue
		}
		if len(out.Contents) == page {
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), out.Contents[page-1].Key
			break
		}
		b.mu.Lock()
		o := b.objects[key]
		b.mu.Unlock()
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key), Size: aws.Int64(int64(len(o.data))), LastModified: &o.modified})
	}
	return out, nil
}
