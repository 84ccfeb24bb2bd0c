package standin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/headcount-etl/headcount/local/standin/firehose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a stand-in and the real SDK's clients to it.
type world struct {
	*Cloud
	dir   string
	ended bool // by the test itself

	sqs *awssqs.Client
	sns *awssns.Client
	s3  *awss3.Client
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	var err error
	w.Cloud, err = Start(t.Context(), Config{Dir: w.dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.MaxIdleConnsPerHost = 64 })
	t.Cleanup(func() {
		// t.Context() is over by now.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) //nolint:usetesting // See above.
		defer cancel()
		if !w.ended {
			check(t, w.Close(ctx))
		}
		client.GetTransport().CloseIdleConnections()
	})
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"), config.WithBaseEndpoint(w.URL()),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("key", "secret", "")),
		config.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	w.sqs, w.sns = awssqs.NewFromConfig(cfg), awssns.NewFromConfig(cfg)
	w.s3 = awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
	return w
}

// code is the code of an error as users of the SDK see it.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":4566", "192.0.2.1:0", "example.com:80", "4566"} {
		c, err := Start(t.Context(), Config{Listen: address, Dir: t.TempDir()})
		if err == nil {
			t.Errorf("it listens on %s: %v", address, c.Close(t.Context()))
		} else if !strings.Contains(err.Error(), "127.0.0.1:") {
			t.Errorf("%s: the error does not say how to mend it: %v", address, err)
		}
	}
}

func TestWebPagesAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*http.Request){
		"another origin":  func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
		"a rebound name":  func(r *http.Request) { r.Host = "evil.example:4566" },
		"no such address": func(r *http.Request) { r.Host = "192.0.2.1" },
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL(), http.NoBody)
		check(t, err)
		change(r)
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		check(t, answer.Body.Close())
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestWhatIsNotHereIsNamed(t *testing.T) {
	w := newWorld(t)
	_, err := w.sqs.TagQueue(t.Context(), &awssqs.TagQueueInput{QueueUrl: aws.String("x"), Tags: map[string]string{"a": "b"}})
	notImplemented(t, err, "sqs TagQueue")
	_, err = w.sns.TagResource(t.Context(), &awssns.TagResourceInput{ResourceArn: aws.String("x"), Tags: nil})
	if err == nil || !strings.Contains(err.Error(), "Tags") { // the SDK checks that itself
		t.Error(err)
	}
	_, err = w.sns.ListPlatformApplications(t.Context(), &awssns.ListPlatformApplicationsInput{})
	notImplemented(t, err, "sns ListPlatformApplications")
	_, err = w.s3.GetBucketLifecycleConfiguration(t.Context(), &awss3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("lake")})
	notImplemented(t, err, "s3 GET ?lifecycle")
	for what, send := range map[string]func(*http.Request){
		"sts GetCallerIdentity": func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/sts/aws4_request, SignedHeaders=host")
			r.Body = io.NopCloser(strings.NewReader(url.Values{"Action": {"GetCallerIdentity"}}.Encode()))
		},
		"firehose PutRecord": func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "Firehose_20150804.PutRecord")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/firehose/aws4_request, SignedHeaders=host")
		},
		"dynamodb ListTables": func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host")
		},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL(), http.NoBody)
		check(t, err)
		send(r)
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		body, err := io.ReadAll(answer.Body)
		check(t, errors.Join(err, answer.Body.Close()))
		if answer.StatusCode != http.StatusNotImplemented || !strings.Contains(string(body), "headcount's stand-in has no "+what) &&
			!strings.Contains(string(body), "headcount&#39;s stand-in has no "+what) {
			t.Errorf("%s: %s %s", what, answer.Status, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func notImplemented(t *testing.T, err error, what string) {
	t.Helper()
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != http.StatusNotImplemented ||
		!strings.Contains(err.Error(), "headcount's stand-in has no "+what+".") {
		t.Errorf("%s: %v", what, err)
	}
}

func TestCloseDoesNotWaitForReceivers(t *testing.T) {
	c, err := Start(t.Context(), Config{Dir: t.TempDir()})
	check(t, err)
	_, err = c.SQS.Create("q", nil)
	check(t, err)
	done := make(chan string)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL(),
			strings.NewReader(`{"QueueUrl":"q","WaitTimeSeconds":20}`))
		if err != nil {
			done <- err.Error()
			return
		}
		r.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			done <- err.Error()
			return
		}
		body, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			done <- err.Error()
			return
		}
		done <- string(body)
	}()
	untilIn(t, "sqs.(*Queue).Receive")
	start := time.Now()
	check(t, c.Close(t.Context()))
	if got := <-done; got != `{}` {
		t.Error(got)
	}
	if waited := time.Since(start); waited > 5*time.Second {
		t.Errorf("closed only after %s", waited)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestCloseDoesNotWaitForRoom: when the lake cannot be written, a Publish that
// waits for room in the stream ends with an error.
func TestCloseDoesNotWaitForRoom(t *testing.T) {
	w := newWorld(t)
	w.addStream(t)
	topic := w.topic(t, "events")
	w.subscribe(t, topic, "firehose", firehose.ARN("lake"), nil)
	check(t, os.RemoveAll(filepath.Join(w.dir, "buckets")))
	check(t, os.WriteFile(filepath.Join(w.dir, "buckets"), nil, 0o600))
	buffer, gone := [][]byte{make([]byte, firehose.MaxRecordBytes), make([]byte, firehose.MaxRecordBytes)}, over(t)
	for w.Firehose.Await(gone, firehose.ARN("lake")) == nil { // until it is full
		check(t, w.Firehose.Add(firehose.ARN("lake"), buffer))
	}
	published := make(chan error)
	go func() {
		_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: aws.String("x")},
			func(o *awssns.Options) { o.RetryMaxAttempts = 1 })
		published <- err
	}()
	untilIn(t, "sns.(*Service).awaitRoom")
	closed := make(chan error)
	w.ended = true
	go func() { closed <- w.Close(t.Context()) }()
	if err := <-published; err == nil {
		t.Error("accepted, though the lake cannot be written")
	}
	if err := <-closed; err == nil {
		t.Error("what Firehose holds is lost without an error")
	}
}

// untilIn waits until a goroutine is in the function.
func untilIn(t *testing.T, function string) {
	t.Helper()
	for stacks := make([]byte, 1<<20); !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte(function)); {
		runtime.Gosched()
		if t.Context().Err() != nil {
			t.Fatal("nobody came to ", function)
		}
	}
}

// over gives the context of a client that has hung up.
func over(t *testing.T) context.Context {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	return ctx
}

// addStream makes the stream lake, which writes what it gets line by line.
func (w *world) addStream(t *testing.T) {
	t.Helper()
	check(t, w.S3.CreateBucket("lake"))
	check(t, w.Firehose.Create(firehose.Stream{
		Name: "lake", Bucket: "lake", BufferBytes: 1 << 20, BufferInterval: time.Hour,
		Prefix: "data/year=!{timestamp:yyyy}/", ErrorPrefix: "errors/!{firehose:error-output-type}/",
		Convert: func(records [][]byte) (object []byte, bad []firehose.Bad, err error) {
			for _, r := range records {
				object = append(append(object, r...), '\n')
			}
			return object, nil, nil
		},
	}))
}

// lake reads all that the stream lake has written.
func (w *world) lake(t *testing.T) string {
	t.Helper()
	check(t, w.Firehose.FlushAll(t.Context()))
	var all strings.Builder
	check(t, filepath.WalkDir(filepath.Join(w.dir, "buckets", "lake"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // The test's own.
		all.Write(content)
		return err
	}))
	return all.String()
}
