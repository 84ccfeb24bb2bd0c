package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/standin"
)

// TestPublishers runs the programs of docs/publishing.md against the stand-in. SNS
// reports that it has not accepted one message of the first batch: that one alone is
// published again, and no event is lost. A fault of the sender ends the program.
func TestPublishers(t *testing.T) {
	doc := document(t, "docs/publishing.md")
	var input bytes.Buffer
	city, err := simulate.New(simulate.Config{People: 60, Minutes: 5, Seed: 3, NoConsentShare: 0.2, Interval: simulateInterval, Start: simulateStart})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := city.Write(t.Context(), &input); err != nil {
		t.Fatal(err)
	}
	events := strings.Split(strings.TrimSpace(input.String()), "\n")
	for language, command := range map[string]func(t *testing.T, program string) *exec.Cmd{"go": goProgram, "python": pythonProgram, "js": nodeProgram} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			program := block(t, doc, language)
			topic := startTopic(t)
			if text := topic.publish(command(t, program), input.String(), false); text != "" {
				t.Errorf("it ended with: %s", text)
			}
			if topic.retried != 1 {
				t.Errorf("after one failed message the next batch has %d messages, want 1", topic.retried)
			}
			topic.compare(t, events)
			before := topic.batches
			if text := topic.publish(command(t, program), events[0]+"\n", true); !strings.Contains(text, "InvalidParameter") || topic.batches != before+1 {
				t.Errorf("a fault of the sender: %d batches, and %q", topic.batches-before, text)
			}
		})
	}
}

func goProgram(t *testing.T, program string) *exec.Cmd {
	// In this folder, whose module has the SDK.
	return exec.CommandContext(t.Context(), "go", "run", file(t, t.TempDir(), "publish.go", program)) //nolint:gosec // the test's own
}

func pythonProgram(t *testing.T, program string) *exec.Cmd {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import boto3").Run() == nil {
			return exec.CommandContext(t.Context(), python, file(t, t.TempDir(), "publish.py", program)) //nolint:gosec // the test's own
		}
	}
	t.Fatal("there is no Python with boto3 for this test: `make publishers` installs it, or apt-get install python3-boto3")
	return nil
}

func nodeProgram(t *testing.T, program string) *exec.Cmd {
	dir := t.TempDir()
	if err := os.Symlink(nodeModules(t), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), "node", file(t, dir, "publish.mjs", program)) //nolint:gosec // the test's own
}

// nodeModules gives the folder with the packages for Node.
func nodeModules(t *testing.T) string {
	dir, err := filepath.Abs("testdata/node/node_modules")
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		t.Fatalf("there are no packages for Node: `make publishers` installs them: %v", err)
	}
	return dir
}

func file(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// topic is the pipeline's topic, behind an endpoint that can fail one message.
type topic struct {
	made *pipeline.Resources
	url  string

	mu       sync.Mutex
	fail     string // with what the next message is reported as failed
	batches  int    // PublishBatch requests so far
	failedID string
	retried  int // messages in the batch after the one with a failed message
}

func startTopic(t *testing.T) *topic {
	cloud, err := standin.Start(t.Context(), standin.Config{Listen: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close(context.WithoutCancel(t.Context())) })
	to := &topic{}
	if to.made, err = pipeline.Create(t.Context(), cloud, "v1"); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(cloud.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = to.failOne
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, _ := url.ParseQuery(string(body))
		to.mu.Lock()
		if form.Get("Action") == "PublishBatch" {
			to.batches++
			if to.failedID != "" && to.retried == 0 {
				for form.Has("PublishBatchRequestEntries.member." + strconv.Itoa(to.retried+1) + ".Id") {
					to.retried++
				}
			}
		}
		to.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	to.url = server.URL
	return to
}

var successful = regexp.MustCompile(`(?s)<member>.*?<Id>(.*?)</Id>.*?</member>`)

// failOne reports the first message of an answer as not accepted, once.
func (to *topic) failOne(r *http.Response) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	if member := successful.FindSubmatch(text); to.fail != "" && member != nil {
		to.failedID = string(member[1])
		text = bytes.Replace(text, member[0], nil, 1)
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("<Failed></Failed>"), nil), []byte("<Failed/>"), nil)
		failed := "<Failed><member><Id>" + to.failedID + "</Id>" + to.fail + "</member></Failed></PublishBatchResult>"
		text = bytes.Replace(text, []byte("</PublishBatchResult>"), []byte(failed), 1)
		to.fail = ""
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// publish runs a program on events, one message of which fails. It gives what the
// program has printed where that ended with an error.
func (to *topic) publish(command *exec.Cmd, events string, senderFault bool) string {
	to.mu.Lock()
	to.fail = "<Code>InternalError</Code><SenderFault>false</SenderFault>"
	if senderFault {
		to.fail = "<Code>InvalidParameter</Code><SenderFault>true</SenderFault>"
	}
	to.mu.Unlock()
	command.Args = append(command.Args, to.made.TopicARN)
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+to.url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	command.Stdin = strings.NewReader(events)
	text, err := command.CombinedOutput()
	to.mu.Lock() // what the endpoint has counted is read from here on
	defer to.mu.Unlock()
	if err != nil {
		return string(text) + err.Error()
	}
	return ""
}

// compare compares what came to the queue ingest with what was published: every
// event, in messages that say truly whether their events have consent. The message
// that was published again is there twice.
func (to *topic) compare(t *testing.T, events []string) {
	client, queue := sqs.NewFromConfig(to.made.Config), to.made.QueueURLs["ingest"]
	var came []string
	bodies := map[string]int{}
	twice := 0
	// Messages come to the queue a little after SNS has accepted them.
	for empty := 0; empty < 20; {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}, WaitTimeSeconds: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			if empty++; len(came) >= len(events) && twice > 0 {
				break
			}
		}
		for _, m := range out.Messages {
			lines := strings.Split(strings.TrimSpace(*m.Body), "\n")
			if bodies[*m.Body]++; bodies[*m.Body] == 1 {
				came = append(came, lines...)
			} else {
				twice++
			}
			want := map[string]string{"analytics": `"analytics":true`, "none": `"analytics":false`}[aws.ToString(m.MessageAttributes["consent"].StringValue)]
			for _, line := range lines {
				if want == "" || !strings.Contains(line, want) {
					t.Fatalf("attributes %v on %s", m.MessageAttributes, line)
				}
			}
		}
	}
	want := slices.Sorted(slices.Values(events))
	if slices.Sort(came); !slices.Equal(came, want) || twice != 1 || len(bodies) < 12 {
		t.Errorf("%d events came, of %d; %d messages, %d of them twice", len(came), len(want), len(bodies), twice)
	}
}
