package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// kind is a kind of fault.
type kind struct {
	name   string
	weight int
	// on says at which calls it may come.
	on func(*call) bool
	// most is for how many such calls in a row it may last.
	most int
	// do makes the call with the fault; a nil answer is a connection that is reset.
	do func(x *exchange) *answer
}

// exchange is a call that meets a fault.
type exchange struct {
	*call
	w *world
	// rng belongs to this call of this fault.
	rng *rand.Rand
}

func (x *exchange) forward() *answer { return x.w.forward(x.call) }

// refused leaves the call undone.
func (x *exchange) refused(status int, code string) *answer { return refuse(x.call, status, code) }

func any1(*call) bool { return true }

func action(names ...string) func(*call) bool {
	return func(c *call) bool { return slices.Contains(names, c.action) }
}

func conditional(c *call) bool { return c.conditional }

var batches = action("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")

// kinds are all faults. Those that AWS promises never to make are among them too: a
// list that is stale or empty, a 412 for an object that nobody has written, an answer
// without a body. Proxies and bugs do. A flow's document without a body is left out: it
// ends an aggregator that starts, which says so. So is a clock of S3 that is off there:
// what is added to the flow counts by it.
var kinds = []kind{
	{"reset-before", 4, any1, 6, func(*exchange) *answer { return nil }},
	{"reset-after", 4, any1, 6, func(x *exchange) *answer {
		x.w.lost(x.call, x.forward())
		return nil
	}},
	{"throttle", 3, any1, 12, func(x *exchange) *answer {
		if x.s3() {
			return x.refused(http.StatusServiceUnavailable, "SlowDown")
		}
		return x.refused(http.StatusBadRequest, "ThrottlingException")
	}},
	{"error-5xx", 4, any1, 12, func(x *exchange) *answer {
		switch x.rng.IntN(4) {
		case 0:
			return &answer{status: http.StatusBadGateway, header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<html>Bad Gateway</html>")}
		case 1:
			return &answer{status: http.StatusServiceUnavailable, header: http.Header{}}
		case 2: // it was done all the same
			x.w.lost(x.call, x.forward())
		}
		return x.refused(http.StatusInternalServerError, "InternalError")
	}},
	{"denied-writes", 3, (*call).write, 40, func(x *exchange) *answer {
		if x.sqs() {
			return x.refused(http.StatusBadRequest, "AccessDeniedException")
		}
		return x.refused(http.StatusForbidden, "AccessDenied")
	}},
	{"conflict-409", 3, conditional, 8, func(x *exchange) *answer {
		return x.refused(http.StatusConflict, "ConditionalRequestConflict")
	}},
	{"precondition-412", 2, conditional, 3, func(x *exchange) *answer {
		if x.rng.IntN(2) == 0 { // as a second try gets whose first one was done
			x.forward()
		}
		return x.refused(http.StatusPreconditionFailed, "PreconditionFailed")
	}},
	{"duplicate", 4, action("ReceiveMessage"), 4, func(x *exchange) *answer {
		a := x.forward()
		if a != nil {
			x.w.faults.duplicate(x.where, parsed[batch](a.body).Messages)
		}
		return a
	}},
	{"reorder", 4, action("ReceiveMessage"), 4, func(x *exchange) *answer {
		a := x.forward()
		if a == nil {
			return nil
		}
		b := parsed[batch](a.body)
		x.rng.Shuffle(len(b.Messages), func(i, j int) { b.Messages[i], b.Messages[j] = b.Messages[j], b.Messages[i] })
		a.body = encoded(b)
		x.sleep(2 * time.Second) // others overtake it
		return a
	}},
	{"expired-visibility", 3, action("ReceiveMessage"), 2, func(x *exchange) *answer {
		a := x.forward()
		if a != nil {
			x.w.lost(x.call, a) // though it is not
		}
		return a
	}},
	{"batch-in-part", 4, batches, 6, inPart},
	{"receipt-refused", 2, action("DeleteMessageBatch", "ChangeMessageVisibilityBatch"), 2, func(x *exchange) *answer {
		r := results{}
		for _, e := range parsed[entries](x.body).Entries {
			r.Failed = append(r.Failed, map[string]any{"Id": e.ID, "SenderFault": true, "Code": "ReceiptHandleIsInvalid", "Message": "chaos"})
		}
		return x.ok(encoded(r))
	}},
	{"list-stale", 2, action("List"), 3, func(x *exchange) *answer {
		a := x.forward()
		if a != nil {
			a.body = x.w.faults.stale(x.request.URL.RequestURI(), a.body)
		}
		return a
	}},
	{"list-empty", 2, action("List"), 2, func(x *exchange) *answer {
		switch x.rng.IntN(3) {
		case 0:
			return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<html><body>Welcome</body></html>")}
		case 1:
			return &answer{status: http.StatusOK, header: http.Header{}}
		}
		return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/xml"}}, body: []byte(
			`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`)}
	}},
	{"list-paged", 3, action("List"), 20, func(x *exchange) *answer {
		query := x.request.URL.Query()
		query.Set("max-keys", fmt.Sprint(1+x.rng.IntN(3)))
		x.request.URL.RawQuery = query.Encode()
		return x.forward()
	}},
	{"slow", 4, any1, 8, func(x *exchange) *answer {
		if x.rng.IntN(2) == 0 {
			x.sleep(3 * time.Second)
		}
		a := x.forward()
		if a != nil && x.rng.IntN(2) == 0 {
			a.dribble = time.Duration(x.rng.Int64N(int64(3 * time.Second)))
		}
		return a
	}},
	{"truncated", 4, any1, 4, func(x *exchange) *answer {
		a := x.forward()
		if a == nil || len(a.body) == 0 {
			return nil
		}
		n := x.rng.IntN(len(a.body))
		if x.sqs() && x.rng.IntN(2) == 0 { // whole for HTTP, but no JSON
			x.w.lost(x.call, a)
			return &answer{status: a.status, header: a.header, body: a.body[:n]}
		}
		a.cut = &n
		return a
	}},
	{"bodiless", 3, notTheFlow, 3, func(x *exchange) *answer {
		a := x.forward()
		if a != nil {
			x.w.lost(x.call, a)
			a.body = nil
		}
		return a
	}},
	{"clock-off", 3, notTheFlow, 30, func(x *exchange) *answer {
		a := x.forward()
		if a == nil {
			return nil
		}
		off := []time.Duration{-24 * time.Hour, -time.Hour, -2 * time.Minute, 2 * time.Minute, time.Hour, 24 * time.Hour}[x.rng.IntN(6)]
		for _, name := range []string{"Date", "Last-Modified"} {
			if at, err := http.ParseTime(a.header.Get(name)); err == nil {
				a.header.Set(name, at.Add(off).Format(http.TimeFormat))
			}
		}
		return a
	}},
	{"hang", 1, any1, 2, func(x *exchange) *answer {
		select { // as if a packet were never acknowledged
		case <-x.request.Context().Done():
		case <-time.After(10 * time.Second):
		case <-x.w.calm:
		}
		return nil
	}},
}

func (x *exchange) sleep(most time.Duration) {
	select {
	case <-time.After(time.Duration(x.rng.Int64N(int64(most)))):
	case <-x.request.Context().Done():
	}
}

// ok is an answer of SQS.
func (x *exchange) ok(body []byte) *answer {
	return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, body: body}
}

// inPart does what some entries of a batch ask for; the others fail.
func inPart(x *exchange) *answer {
	in := parsed[map[string]json.RawMessage](x.body)
	var done []json.RawMessage
	var failed []map[string]any
	for _, raw := range parsed[[]json.RawMessage](in["Entries"]) {
		if x.rng.IntN(2) == 0 {
			done = append(done, raw)
			continue
		}
		failed = append(failed, map[string]any{"Id": parsed[entry](raw).ID, "SenderFault": false, "Code": "InternalError", "Message": "chaos"})
	}
	r := results{}
	if len(done) > 0 {
		in["Entries"] = encoded(done)
		x.body = encoded(in)
		a := x.forward()
		if a == nil || a.status != http.StatusOK {
			return a
		}
		r = parsed[results](a.body)
	}
	r.Failed = append(r.Failed, failed...)
	return x.ok(encoded(r))
}

// fault is the nth of a run: a function of seed and n.
type fault struct {
	n    int
	kind *kind
	// It comes to a task of the service, after so many calls that the kind comes at,
	// and lasts for so many.
	service     string
	skip, lasts int

	rng     *rand.Rand
	expires time.Time
	task    *task // the first that it came to, and the only one
}

func (f *fault) String() string {
	return fmt.Sprintf("fault %d %s at %s after %d calls for %d", f.n, f.kind.name, f.service, f.skip, f.lasts)
}

// newFault gives the nth fault of a seed.
func newFault(seed uint64, n int) *fault {
	rng := rand.New(rand.NewPCG(seed, uint64(n))) //nolint:gosec // it is to be the same each time; n is never negative
	total := 0
	for i := range kinds {
		total += kinds[i].weight
	}
	f := &fault{n: n, rng: rng, service: services[rng.IntN(len(services))].Name}
	pick := rng.IntN(total)
	for i := range kinds {
		if pick -= kinds[i].weight; pick < 0 {
			f.kind = &kinds[i]
			break
		}
	}
	f.skip, f.lasts = rng.IntN(12), 1
	if rng.IntN(2) == 0 {
		f.lasts += rng.IntN(f.kind.most)
	}
	return f
}

// faults are those of a run.
type faults struct {
	w    *world
	seed uint64

	mu     sync.Mutex
	on     bool
	next   int
	armed  []*fault
	came   map[string]int               // calls with a fault, by kind
	copies map[string][]json.RawMessage // by queue, to be delivered again
	lists  map[string][][]byte          // earlier answers, by request
}

const (
	// armedFaults are waiting for their call at once.
	armedFaults = 24
	// patienceOfFault is how long one waits, in work too.
	patienceOfFault = 10 * time.Second
)

// exchange makes a call, with a fault if one is due.
func (f *faults) exchange(c *call) *answer {
	due := f.due(c)
	var a *answer
	if due == nil {
		a = f.w.forward(c)
	} else {
		if c.action == "DeleteMessageBatch" {
			f.w.undeleted(c)
		}
		a = due.kind.do(&exchange{c, f.w, rand.New(rand.NewPCG(due.rng.Uint64(), 0))}) //nolint:gosec // to be repeated
	}
	if a != nil {
		f.keep(c, a)
	}
	return a
}

// due gives the fault that this call meets, or nil.
func (f *faults) due(c *call) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on {
		return nil
	}
	now := time.Now()
	f.armed = slices.DeleteFunc(f.armed, func(a *fault) bool {
		if now.After(a.expires) && a.task == nil {
			f.w.logf("%s: its call did not come", a)
		}
		return now.After(a.expires)
	})
	for len(f.armed) < armedFaults {
		a := newFault(f.seed, f.next)
		f.next++
		a.expires = now.Add(patienceOfFault)
		f.armed = append(f.armed, a)
	}
	for i, a := range f.armed {
		if a.service != c.task.service || a.task != nil && a.task != c.task || !a.kind.on(c) {
			continue
		}
		if a.skip > 0 {
			a.skip--
			continue
		}
		a.task = c.task
		a.lasts--
		f.came[a.kind.name]++
		f.w.logf("fault %d %s: %s %s %s, %d more", a.n, a.kind.name, c.task, c.action, c.where, a.lasts)
		if a.lasts == 0 {
			f.armed = slices.Delete(f.armed, i, i+1)
		}
		return &fault{kind: a.kind, rng: rand.New(rand.NewPCG(a.rng.Uint64(), 1))} //nolint:gosec // to be repeated
	}
	return nil
}

// duplicate has messages delivered once more.
func (f *faults) duplicate(short string, messages []json.RawMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copies[short] = append(f.copies[short], messages...)
}

// keep notes the answer to a list, and adds copies to what is received.
func (f *faults) keep(c *call, a *answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case a.status != http.StatusOK:
	case c.action == "List":
		const most = 8
		key := c.request.URL.RequestURI()
		if f.lists[key] = append(f.lists[key], a.body); len(f.lists[key]) > most {
			f.lists[key] = f.lists[key][1:]
		}
	case c.action == "ReceiveMessage" && len(f.copies[c.where]) > 0 && strings.HasSuffix(string(a.body), "}"):
		b := parsed[batch](a.body)
		n := min(10-len(b.Messages), len(f.copies[c.where]))
		b.Messages = append(b.Messages, f.copies[c.where][:n]...)
		f.copies[c.where] = f.copies[c.where][n:]
		a.body = encoded(b)
	}
}

// stale gives an earlier answer to a list, if there was one.
func (f *faults) stale(key string, body []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if was := f.lists[key]; len(was) > 0 {
		return was[0]
	}
	return body
}

// off ends all faults.
func (f *faults) off() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.armed = false, nil
	clear(f.copies)
	close(f.w.calm)
}
