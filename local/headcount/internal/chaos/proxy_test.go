package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// call is one request of a task to AWS.
type call struct {
	task *task
	run  int // which of the processes there
	// action is SQS's or SNS's name of it; of S3 the method, or List.
	action string
	// where is the short name of a queue, or bucket and key.
	where string
	// conditional is whether it is a write under a condition.
	conditional bool
	request     *http.Request
	body        []byte
}

func (c *call) sqs() bool { return c.request.Header.Get("X-Amz-Target") != "" }
func (c *call) s3() bool {
	return !c.sqs() && c.action != "Publish" && c.action != "GetTopicAttributes"
}

// write is whether the call changes something that people or other tasks see. A
// receive and a deletion are none: they are of the input.
func (c *call) write() bool {
	return c.action == http.MethodPut || c.action == "SendMessageBatch" || c.action == "Publish"
}

// answer is what a task gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	// Where cut is set, so many bytes come, and then the connection is reset.
	cut *int
	// dribble is how long the body takes.
	dribble time.Duration
}

func newCall(t *task, r *http.Request, body []byte) *call {
	c := &call{task: t, run: t.run(), action: r.Method, where: strings.TrimPrefix(r.URL.Path, "/"), request: r, body: body}
	c.conditional = r.Method == http.MethodPut && (r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != "")
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, c.action, _ = strings.Cut(target, ".")
		var named struct {
			QueueURL string `json:"QueueUrl"`
		}
		_ = json.Unmarshal(body, &named) // the stand-in says what is wrong with it
		c.where = strings.TrimPrefix(path.Base(named.QueueURL), "headcount-v1-")
		return c
	}
	query := r.URL.Query()
	if query.Has("list-type") {
		c.action, c.where = "List", c.where+"/"+query.Get("prefix")
	}
	if form, err := url.ParseQuery(string(body)); r.Method == http.MethodPost && err == nil && form.Has("Action") {
		c.action, c.where = form.Get("Action"), "topic"
	}
	return c
}

// proxy stands between the task at a place and the stand-in.
func (w *world) proxy(t *task) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the process was killed in the middle
		}
		c := newCall(t, r, body)
		killed := w.kills.before(c)
		var a *answer
		if !killed.now {
			a = w.faults.exchange(c)
		}
		if killed.after(a) || a == nil || r.Context().Err() != nil {
			w.lost(c, a)
			reset(rw)
			return
		}
		if !w.give(rw, c, a) {
			w.lost(c, a)
		}
	}))
}

// give writes an answer, and gives false where it was not taken whole.
func (w *world) give(rw http.ResponseWriter, c *call, a *answer) bool {
	r := c.request
	for name, values := range a.header {
		rw.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		rw.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	rw.WriteHeader(a.status)
	body := a.body
	if a.cut != nil {
		body = body[:min(*a.cut, len(body))]
	}
	if r.Method == http.MethodHead {
		body = nil
	}
	if a.dribble > 0 {
		for range 8 {
			n := min(len(body), len(a.body)/8+1)
			if _, err := rw.Write(body[:n]); err != nil {
				return false
			}
			_ = http.NewResponseController(rw).Flush() // the next write says it
			body = body[n:]
			time.Sleep(a.dribble / 8) // the fault: a slow answer to another process
		}
	}
	_, err := rw.Write(body)
	if err == nil {
		err = http.NewResponseController(rw).Flush()
	}
	// A task may hang up on S3: when one of many reads has failed, it ends the others.
	if err != nil && a.cut == nil && c.action != http.MethodGet && !c.task.gone(c.run) {
		w.untaken.Add(1)
		w.logf("%s did not take an answer of %d bytes to %s %s: %v", c.task, len(a.body), c.action, c.where, err)
	}
	if a.cut != nil {
		reset(rw)
		return false
	}
	return err == nil
}

// reset ends a connection at once, without a goodbye.
func reset(rw http.ResponseWriter) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it ends as if all had been said
	}
	_ = conn.Close() // whatever it says
}

// forward has the stand-in do what the call asks for; nil where it does not answer. A
// receive that waits long becomes many that wait for a second, so that it ends soon
// after the task.
func (w *world) forward(c *call) *answer {
	if c.action != "ReceiveMessage" {
		return w.roundTrip(c)
	}
	in := parsed[map[string]any](c.body)
	wait, _ := in["WaitTimeSeconds"].(float64)
	in["WaitTimeSeconds"] = min(wait, 1)
	c.body = encoded(in)
	for until := time.Now().Add(time.Duration(wait) * time.Second); ; {
		a := w.roundTrip(c)
		if a == nil || a.status != http.StatusOK || len(parsed[batch](a.body).Messages) > 0 || time.Now().After(until) || c.request.Context().Err() != nil {
			return a
		}
	}
}

func (w *world) roundTrip(c *call) *answer {
	// A call that was begun is heard to its end: what a receive gives to a task that is
	// dead would be hidden for a minute else, and nobody would know of it.
	r := c.request.Clone(w.ctx)
	target, err := url.Parse(w.Cloud.URL())
	if err != nil {
		return nil
	}
	r.URL.Scheme, r.URL.Host, r.RequestURI = target.Scheme, target.Host, ""
	r.Header.Del("Expect")
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(c.body)), int64(len(c.body))
	if len(c.body) == 0 {
		r.Body = http.NoBody
	}
	out, err := w.transport.RoundTrip(r)
	if err != nil {
		return nil
	}
	defer out.Body.Close() //nolint:errcheck // only read from
	a := &answer{status: out.StatusCode, header: out.Header}
	if a.body, err = io.ReadAll(out.Body); err != nil {
		return nil
	}
	if !notTheFlow(c) {
		a.header.Set("Date", w.rollouts.date().Format(http.TimeFormat))
	}
	w.note(c, a)
	return a
}

// refuse is an error of AWS.
func refuse(c *call, status int, code string) *answer {
	a := &answer{status: status, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"chaos"}}}
	switch {
	case c.sqs():
		a.body, _ = json.Marshal(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": "chaos"})
	case c.s3():
		a.header.Set("Content-Type", "application/xml")
		a.body = []byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>chaos</Message></Error>`)
	default:
		a.header.Set("Content-Type", "text/xml")
		a.body = []byte(`<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>chaos</Message></Error></ErrorResponse>`)
	}
	return a
}

// after runs do later, unless the world ends before.
func (w *world) after(ctx context.Context, d time.Duration, do func()) {
	w.background.Go(func() {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		do()
	})
}
