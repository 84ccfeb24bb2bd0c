package standin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (w *world) bucket(t testing.TB, name string) *string {
	t.Helper()
	_, err := w.s3.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name})
	check(t, err)
	return &name
}

func (w *world) put(t testing.TB, bucket *string, key, content string) *string {
	t.Helper()
	out, err := w.s3.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(content)})
	check(t, err)
	return out.ETag
}

func read(t testing.TB, body io.ReadCloser) string {
	t.Helper()
	content, err := io.ReadAll(body)
	check(t, errors.Join(err, body.Close()))
	return string(content)
}

func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

func TestObjectsThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	bucket := w.bucket(t, "lake")
	key := "data/year=2026/a b+c&d=ü.parquet"
	etag := w.put(t, bucket, key, "0123456789")
	got, err := w.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	check(t, err)
	if content := read(t, got.Body); content != "0123456789" || *got.ETag != *etag || aws.ToString(got.ChecksumCRC32) == "" {
		t.Errorf("%q, %s, checksum %s", content, *got.ETag, aws.ToString(got.ChecksumCRC32))
	}
	for wanted, want := range map[string]string{"bytes=2-4": "234", "bytes=7-": "789", "bytes=-2": "89", "bytes=8-99": "89", "bytes=1-9223372036854775807": "123456789", "bytes=0-9223372036854775807": "0123456789", "bytes=-99": "0123456789"} {
		part, err := w.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: &key, Range: &wanted})
		check(t, err)
		if content := read(t, part.Body); content != want || *part.ContentLength != int64(len(want)) {
			t.Errorf("%s: %q", wanted, content)
		}
	}
	head, err := w.s3.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: bucket, Key: &key})
	check(t, err)
	if *head.ContentLength != 10 || *head.ETag != *etag || head.LastModified.IsZero() {
		t.Errorf("%+v", head)
	}
	_, err = w.s3.CopyObject(t.Context(), &awss3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("lake/data%2Fyear%3D2026%2Fa%20b%2Bc%26d%3D%C3%BC.parquet")})
	check(t, err)
	_, err = w.s3.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: bucket, Key: &key})
	check(t, err)
	_, err = w.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: &key})
	var missing *types.NoSuchKey
	if !errors.As(err, &missing) {
		t.Error(err)
	}
	_, err = w.s3.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: bucket, Key: &key})
	if status(err) != http.StatusNotFound {
		t.Error(err)
	}
	deleted, err := w.s3.DeleteObjects(t.Context(), &awss3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("copy")}, {Key: aws.String("none")}},
	}})
	check(t, err)
	if len(deleted.Deleted) != 2 || len(deleted.Errors) != 0 {
		t.Errorf("%+v", deleted)
	}
	_, err = w.s3.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: bucket, Key: aws.String("a//b"), Body: strings.NewReader("x")})
	if code(err) != "InvalidArgument" {
		t.Error(err)
	}
	_, err = w.s3.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("none"), Key: aws.String("k"), Body: strings.NewReader("x")})
	if code(err) != "NoSuchBucket" {
		t.Error(err)
	}
}

func TestConditionalPutsThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	bucket := w.bucket(t, "aggregates")
	put := func(key string, match, noneMatch *string) error {
		_, err := w.s3.PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: bucket, Key: &key, Body: bytes.NewReader([]byte("x")), IfMatch: match, IfNoneMatch: noneMatch,
		})
		return err
	}
	star := aws.String("*")
	if err := put("k", aws.String(`"abc"`), nil); code(err) != "NoSuchKey" || status(err) != http.StatusNotFound {
		t.Errorf("a match on nothing: %v", err)
	}
	check(t, put("k", nil, star))
	if err := put("k", nil, star); code(err) != "PreconditionFailed" || status(err) != http.StatusPreconditionFailed {
		t.Errorf("a second first one: %v", err)
	}
	etag := w.put(t, bucket, "k", "y")
	if err := put("k", aws.String(`"abc"`), nil); code(err) != "PreconditionFailed" {
		t.Errorf("the wrong match: %v", err)
	}
	check(t, put("k", etag, nil))
}

func TestListingsThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	bucket := w.bucket(t, "lake")
	for i := range 25 {
		w.put(t, bucket, fmt.Sprintf("data/day=%02d/object", i), "x")
		w.put(t, bucket, fmt.Sprintf("data/day=%02d.txt", i), "x")
	}
	list := func(prefix, delimiter string) (keys, groups []string) {
		in := &awss3.ListObjectsV2Input{Bucket: bucket, Prefix: &prefix, MaxKeys: aws.Int32(7)}
		if delimiter != "" {
			in.Delimiter = &delimiter
		}
		pages := awss3.NewListObjectsV2Paginator(w.s3, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			check(t, err)
			if n := len(page.Contents) + len(page.CommonPrefixes); n > 7 || int(*page.KeyCount) != n {
				t.Errorf("a page of %d", n)
			}
			for _, o := range page.Contents {
				keys = append(keys, *o.Key)
			}
			for _, p := range page.CommonPrefixes {
				groups = append(groups, *p.Prefix)
			}
		}
		return keys, groups
	}
	if keys, groups := list("data/", ""); len(keys) != 50 || len(groups) != 0 || keys[0] != "data/day=00.txt" || keys[1] != "data/day=00/object" {
		t.Errorf("%v, %v", keys, groups)
	}
	if keys, groups := list("data/", "/"); len(keys) != 25 || len(groups) != 25 || groups[24] != "data/day=24/" {
		t.Errorf("%v, %v", keys, groups)
	}
	if keys, _ := list("data/day=1", ""); len(keys) != 20 {
		t.Errorf("%v", keys)
	}
}

// TestTrailingChecksums sends bodies in the format aws-chunked: framed by hand,
// and without a hash over the whole, which makes the SDK frame it.
func TestTrailingChecksums(t *testing.T) {
	w := newWorld(t)
	bucket := w.bucket(t, "lake")
	content := strings.Repeat("0123456789abcdef", 20_000)
	signature := ";chunk-signature=" + strings.Repeat("a", 64)
	for _, form := range []struct{ key, hash, signature, trailer string }{
		{"trailer", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", "x-amz-checksum-crc32:AAAAAA==\r\n"},
		{"signed", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", signature, ""},
	} {
		framed := fmt.Sprintf("%x%s\r\n%s\r\n0%s\r\n%s\r\n", len(content), form.signature, content, form.signature, form.trailer)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.URL()+"/lake/"+form.key, strings.NewReader(framed))
		check(t, err)
		r.Header.Set("X-Amz-Content-Sha256", form.hash)
		r.Header.Set("Content-Encoding", "aws-chunked")
		r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(content)))
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		body, err := io.ReadAll(answer.Body)
		check(t, errors.Join(err, answer.Body.Close()))
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", form.key, answer.Status, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	_, err := w.s3.PutObject(t.Context(), &awss3.PutObjectInput{
		Bucket: bucket, Key: aws.String("unsigned"), Body: strings.NewReader(content), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	}, awss3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
	check(t, err)
	for _, key := range []string{"trailer", "signed", "unsigned"} {
		got, err := w.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: &key})
		check(t, err)
		if read(t, got.Body) != content {
			t.Errorf("%s came back changed", key)
		}
	}
}

// TestPartsAreRefused: there are no uploads in parts, and nothing of one is taken for
// an object.
func TestPartsAreRefused(t *testing.T) {
	w := newWorld(t)
	bucket, key := w.bucket(t, "lake"), aws.String("big")
	_, err := w.s3.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	notImplemented(t, err, "s3 POST ?uploads")
	_, err = w.s3.UploadPart(t.Context(), &awss3.UploadPartInput{
		Bucket: bucket, Key: key, UploadId: aws.String("1"), PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
	})
	if status(err) != http.StatusNotImplemented {
		t.Error(err)
	}
	_, err = w.s3.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: bucket, Key: key})
	if status(err) != http.StatusNotFound {
		t.Error(err)
	}
}
