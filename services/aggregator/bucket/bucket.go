// Package bucket is the few things that the aggregator does with S3: read,
// list, and write an object only if it is what was read before. All that keeps
// counts exact with any number of tasks rests on these conditional writes; there
// is no lock and no database.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// API is what this package calls of *s3.Client.
type API interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

var (
	// ErrNotFound says that there is no such object.
	ErrNotFound = errors.New("no such object")
	// ErrConflict says that the object is not, or no longer, what the write was
	// conditional on: someone else has written it.
	ErrConflict = errors.New("the object was written by someone else")
	// ErrTooLarge says that the object has more than MaxSize bytes.
	ErrTooLarge = fmt.Errorf("the object is too large: more than %d bytes", MaxSize)
	// ErrEmpty says that an answer has no body. No object of Headcount's is empty, so
	// another call may bring it, unless somebody else has put an empty one there.
	ErrEmpty = errors.New("the answer is empty")
)

// MaxSize is the most bytes of an object: more are not written, nor read.
const MaxSize = 64 << 20

// Bucket is one bucket.
type Bucket struct {
	API  API
	Name string
}

// Info is what a bucket knows of an object.
type Info struct {
	ETag     string
	Modified time.Time // to the second
	// Date is S3's clock at the answer, to the second: where it is compared with
	// Modified or decides what all tasks must decide alike, a task's own clock may be
	// wrong. It is this process's clock where the answer has none.
	Date time.Time
}

// Get reads an object; ErrNotFound if there is none, ErrTooLarge, before it is read, if
// it is, ErrEmpty, as a failure of the call, if the answer has no body.
func (b Bucket) Get(ctx context.Context, key string) ([]byte, Info, error) {
	out, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		return nil, Info{}, b.wrap("get", key, err)
	}
	defer out.Body.Close() //nolint:errcheck // only read from
	if aws.ToInt64(out.ContentLength) > MaxSize {
		return nil, Info{}, b.wrap("get", key, ErrTooLarge)
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, MaxSize+1))
	if err == nil && len(data) == 0 {
		err = ErrEmpty
	}
	if err != nil { // The call has not ended yet: a broken connection is a failure of it.
		return nil, Info{}, b.wrap("get", key, &smithy.OperationError{ServiceID: s3.ServiceID, OperationName: "GetObject", Err: err})
	}
	if len(data) > MaxSize {
		return nil, Info{}, b.wrap("get", key, ErrTooLarge)
	}
	return data, Info{aws.ToString(out.ETag), aws.ToTime(out.LastModified), date(out.ResultMetadata)}, nil
}

// Head asks for an object's info; ErrNotFound if there is none.
func (b Bucket) Head(ctx context.Context, key string) (Info, error) {
	out, err := b.API.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		return Info{}, b.wrap("head", key, err)
	}
	return Info{aws.ToString(out.ETag), aws.ToTime(out.LastModified), date(out.ResultMetadata)}, nil
}

// date gives the Date header of an answer.
func date(answer middleware.Metadata) time.Time {
	if at, ok := awsmiddleware.GetServerTime(answer); ok {
		return at
	}
	return time.Now()
}

// Create writes an object that must not exist yet; else ErrConflict. Since a
// call whose answer was lost is tried again, ErrConflict may also mean that the
// object is this one. Nor does it mean that there is an object: S3 answers 409
// to two writes at once, and then either may fail.
func (b Bucket) Create(ctx context.Context, key string, data []byte) (etag string, err error) {
	return b.put(ctx, data, &s3.PutObjectInput{Bucket: &b.Name, Key: &key, IfNoneMatch: aws.String("*")})
}

// Replace writes an object that must still have that ETag; else ErrConflict,
// with the same reservations as for Create.
func (b Bucket) Replace(ctx context.Context, key, etag string, data []byte) (newETag string, err error) {
	return b.put(ctx, data, &s3.PutObjectInput{Bucket: &b.Name, Key: &key, IfMatch: &etag})
}

func (b Bucket) put(ctx context.Context, data []byte, in *s3.PutObjectInput) (string, error) {
	if len(data) > MaxSize {
		return "", b.wrap("put", *in.Key, ErrTooLarge)
	}
	in.Body = bytes.NewReader(data)
	out, err := b.API.PutObject(ctx, in)
	if err != nil {
		err = b.wrap("put", *in.Key, err)
		if in.IfMatch != nil && errors.Is(err, ErrNotFound) { // S3's answer to If-Match on nothing
			err = fmt.Errorf("put s3://%s/%s, which is gone: %w", b.Name, *in.Key, ErrConflict)
		}
		return "", err
	}
	return aws.ToString(out.ETag), nil
}

// Object is an entry of a list.
type Object struct {
	Key      string
	Size     int64     // in bytes
	Modified time.Time // to the second
}

// List gives all objects whose keys begin with prefix, in S3's order of keys.
func (b Bucket) List(ctx context.Context, prefix string) ([]Object, error) {
	var objects []Object
	pages := s3.NewListObjectsV2Paginator(b.API, &s3.ListObjectsV2Input{Bucket: &b.Name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.wrap("list", prefix, err)
		}
		for _, object := range page.Contents {
			objects = append(objects, Object{aws.ToString(object.Key), aws.ToInt64(object.Size), aws.ToTime(object.LastModified)})
		}
	}
	return objects, nil
}

// wrap names what failed and turns S3's answers into this package's errors. A
// bucket that does not exist is no missing object: it has the same status, but
// waiting for it would be forever.
func (b Bucket) wrap(verb, key string, err error) error {
	what := fmt.Sprintf("%s s3://%s/%s", verb, b.Name, key)
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		var api interface{ ErrorCode() string }
		noBucket := errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket"
		switch response.HTTPStatusCode() {
		case http.StatusNotFound:
			if !noBucket {
				return fmt.Errorf("%s: %w", what, ErrNotFound)
			}
		case http.StatusConflict, http.StatusPreconditionFailed:
			return fmt.Errorf("%s: %w", what, ErrConflict)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
