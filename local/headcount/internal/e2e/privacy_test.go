package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/shared/pack"
)

// What is planted in every personal field, by what may be kept of it.
const (
	// marker is of people who consent: the lake and the quarantine may hold it.
	marker = "zqmarker7x"
	// refused is of people who do not: nothing may hold it.
	refused = "zqrefused7x"
	// replayed was in the lake before: nothing may hold it a second time.
	replayed = "zqreplayed7x"
)

// The other two things that may name a person, as marker.
const (
	rareBirth     = "1931-02-27"
	rareLatitude  = 48.8606123457
	rareLongitude = 2.3376765431
)

var (
	texts = []needle{text("marker", marker), text("birth date", rareBirth)}
	// places are what the masked queue holds, and nothing after it.
	places    = []needle{number("latitude", "48.8606123457", rareLatitude), number("longitude", "2.3376765431", rareLongitude)}
	forbidden = []needle{text("refused", refused), text("replayed", replayed)}
)

// personal is a valid event that holds the text in all its personal fields, with
// some replacements: old, new, old, new.
func personal(text string, replace ...string) string {
	event := `{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-05-31T12:00:00Z",` +
		`"user":{"id":"ID TEXT","birth_date":"1931-02-27","gender":"female","full_name":"TEXT","email":"TEXT@example.org","phone":"TEXT"},` +
		`"position":{"latitude":48.8606123457,"longitude":2.3376765431,"accuracy_m":5},` +
		`"device":{"id":"TEXT","platform":"ios","os_version":"1","app_version":"2","model":"3","ip_address":"TEXT"},` +
		`"session":{"id":"TEXT","screen":"map","network":"4g","battery_pct":50},"consent":{"analytics":true}}`
	return strings.ReplaceAll(strings.NewReplacer(replace...).Replace(event), "TEXT", text)
}

// faultyPersonal are events that are rejected, and hold the text wherever a
// fault could carry it on.
func faultyPersonal(text string) []string {
	lines := []string{
		personal(text, `"schema_version":1`, `"schema_version":"TEXT"`), personal(text, `"schema_version":1`, `"schema_version":2`),
		personal(text, `"7e1ed93c-9487-478d-889f-b12f48b14a6a"`, `"TEXT"`), personal(text, `"2026-05-31T12:00:00Z"`, `"TEXT"`),
		personal(text, `"2026-05-31T12:00:00Z"`, `"2999-05-31T12:00:00Z"`, "1931-02-27", "2931-02-27"),
		personal(text, `"ID TEXT"`, `["TEXT"]`), personal(text, `"1931-02-27"`, `"TEXT"`), personal(text, `"1931-02-27"`, `"1831-02-27"`),
		personal(text, `"female"`, `"TEXT"`), personal(text, `"gender":"female",`, ""), personal(text, `"female"`, `{"TEXT":"TEXT"}`),
		personal(text, `"phone":"TEXT"`, `"phone":"`+strings.Repeat("TEXT", 9)+`"`),
		personal(text, "48.8606123457", `"TEXT"`), personal(text, "48.8606123457", "948.8606123457"), personal(text, "2.3376765431", "null"),
		personal(text, `"ios"`, `"TEXT"`), personal(text, "50", `"TEXT"`), personal(text, "50", `{"TEXT":1}`),
		personal(text, `"accuracy_m":5`, `"accuracy_m":5,"pad":"`+strings.Repeat("TEXT ", 14_000)+`"`),
	}
	return append(lines, malformedPersonal(text)...)
}

// malformedPersonal are lines that are no event, so that it cannot be said
// whether there is consent.
func malformedPersonal(text string) []string {
	whole := personal(text)
	return []string{
		whole[:len(whole)-20], whole[1:], text, `"` + text + `"`, `["` + text + `"]`, `{"` + text + `":` + text + `}`,
		personal(text, `"gender":"female"`, `"gender":"female","gender":"TEXT"`),
		personal(text, `"ID TEXT"`, "\"TEXT\xff\""), personal(text, `"ID TEXT"`, "\"TEXT\x00\""),
	}
}

// spies records what the services say to AWS.
type spies struct {
	mu    sync.Mutex
	calls []said
}

type said struct {
	service string
	*call
}

func (s *spies) hook(service string) func(*call, func()) {
	return func(c *call, forward func()) {
		s.mu.Lock()
		s.calls = append(s.calls, said{service, c})
		s.mu.Unlock()
		forward()
	}
}

// publishAs publishes one message with attributes of the publisher's.
func publishAs(t testing.TB, r *pipeline.Resources, body string, attributes map[string]string) {
	t.Helper()
	if err := publishOther(t.Context(), r, body, attributes); err != nil {
		t.Fatal(err)
	}
}

// put puts one message into a queue.
func put(t testing.TB, q *sqs.Queue, body string, attributes map[string]string) {
	t.Helper()
	out := sqs.Outgoing{Body: body, Attributes: map[string]sqs.Value{}}
	for name, value := range attributes {
		out.Attributes[name] = sqs.Value{DataType: "String", StringValue: value}
	}
	if result := q.Send([]sqs.Outgoing{out})[0]; result.Err != nil {
		t.Fatal(result.Err)
	}
}

// plant publishes everything that could lead personal data astray.
func plant(s *site) {
	lines := append(faultyPersonal(marker),
		personal(marker),
		personal(marker, `"ID TEXT"`, `"ID TEXT","TEXT":"TEXT"`, `"schema_version":1`, `"TEXT":["TEXT"],"schema_version":1`),
		personal(marker, `"os_version":"1"`, `"os_version":"TEXT"`, `"2"`, `"TEXT"`, `"3"`, `"TEXT"`, `"map"`, `"TEXT"`, `"4g"`, `"TEXT"`),
		personal(marker, `"analytics":true`, `"analytics":"TEXT"`), personal(marker, `{"analytics":true}`, `"TEXT"`),
	)
	no := []string{`"analytics":true`, `"analytics":false`}
	lines = append(lines,
		personal(refused, no...), personal(refused, append(no, "48.8606123457", `"TEXT"`)...),
		personal(refused, append(no, `"user":`, `"TEXT":`)...), personal(refused, append(no, `"2026-05-31T12:00:00Z"`, `"TEXT"`)...),
	)
	s.publish(4, lines)
	s.publish(1, lines)

	analytics := map[string]string{pack.AttributeConsent: "analytics"}
	for _, name := range []string{"note", pack.AttributeKeys, pack.AttributeEncoding, pack.AttributeCount, pack.AttributeReceivedAt} {
		attributes := maps.Clone(analytics)
		attributes[name] = marker
		publishAs(s.t, s.Resources, personal(marker), attributes)
	}
	for _, line := range malformedPersonal(refused)[:7] { // SNS does not accept the last two: they are no text
		publishAs(s.t, s.Resources, line, map[string]string{pack.AttributeConsent: "none"})
	}
	// A replay goes straight to the flow.
	again := map[string]string{pack.AttributeConsent: "analytics", pack.AttributeReplay: "true", pack.AttributeReceivedAt: "1780228805000"}
	replay := faultyPersonal(replayed)
	for _, line := range append(replay[:len(replay)-2], personal(replayed)) {
		put(s.t, s.queue("ingest"), line, again)
	}
	// The validator and the masker may differ while a release is under way: then
	// it is the masker that rejects.
	for _, line := range append(replay[:4:4], personal(replayed)) {
		put(s.t, s.queue("valid"), line, again)
	}
	for _, line := range faultyPersonal(marker)[:4] {
		put(s.t, s.queue("valid"), line, analytics)
	}
}

// TestPersonalDataStaysWhereItMay looks at every byte that the services' real
// binaries send to AWS, log or write, at the most talkative log level.
func TestPersonalDataStaysWhereItMay(t *testing.T) {
	t.Parallel()
	s := newSite(t, samplePlacesWithRadius(t), map[string]string{"LOG_LEVEL": "debug"})
	var spies spies
	var all []*process
	for _, service := range services {
		w := newWire(t, s.Cloud.URL(), spies.hook(service.Name))
		defer w.Close()
		defer w.CloseClientConnections()
		all = append(all, s.start(service.Name, w.URL))
	}
	plant(s)
	s.drained(queueNames...)
	s.nothingGivenUp()
	for _, p := range all {
		if code := s.end(p); code != 0 {
			t.Errorf("%s ends with exit code %d", p.name, code)
		}
	}
	if err := s.Cloud.Firehose.FlushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := newOpener(t)
	checkWire(t, o, spies.calls)
	checkFolder(t, o, s.dir)
	if rows := headcounts(t, s.dir); len(rows) < 2 || !strings.Contains(rows[1], "louvre") {
		t.Errorf("nobody was counted: %q", rows)
	}
}

// checkWire: the validator sends personal data to the masker, both send it to
// the quarantine, and that is all.
func checkWire(t *testing.T, o *opener, calls []said) {
	t.Helper()
	seen := map[string]int{}
	for _, c := range calls {
		content := append([]byte(c.header+"\n"), o.open(c.body)...)
		packs := 0
		if c.action == "SendMessageBatch" {
			for _, m := range c.sent(t) {
				records, err := pack.Open(&m)
				if err != nil {
					t.Fatal(err)
				}
				for r := range records {
					packs++
					content = append(append(content, fmt.Sprintf("\n%+v\n", r.Origin)...), r.Payload...)
				}
			}
		}
		needles := slices.Concat(texts, places, forbidden)
		object, _, _ := strings.Cut(c.where, "/")
		kind := c.service + " " + c.action + " " + object
		switch {
		case c.service == "validator" && kind == "validator SendMessageBatch valid":
			needles = []needle{forbidden[0]}
		case c.service != "aggregator" && c.action == "PUT" && object == "headcount-quarantine":
			needles = forbidden
		case kind == "masker SendMessageBatch masked":
			needles = slices.Concat(texts, forbidden)
		}
		if got := found(content, needles); got != nil {
			t.Errorf("%s %s: holds %v", kind, c.where, got)
		}
		seen[kind] += 1 + packs
		if found(content, texts) != nil {
			seen[kind+" with the marker"]++
		}
		if bytes.HasPrefix(c.body, []byte("PAR1")) {
			seen[kind+" of Parquet"]++
		}
	}
	// What was looked at must have been there.
	for _, kind := range []string{
		"validator SendMessageBatch valid with the marker", "validator PUT headcount-quarantine with the marker",
		"masker PUT headcount-quarantine with the marker", "masker SendMessageBatch masked", "validator Publish ", "masker Publish ",
		"aggregator SendMessageBatch finals", "aggregator PUT headcount-aggregates of Parquet",
	} {
		if seen[kind] == 0 {
			t.Errorf("there was no %s, but %v", kind, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// checkFolder: no file but those of the lake and of the quarantine holds personal
// data, and these two only what they may.
func checkFolder(t *testing.T, o *opener, dir string) {
	t.Helper()
	seen := map[string]int{}
	o.files(dir, func(name string, content []byte) {
		needles, kind := slices.Concat(texts, places, forbidden), name
		for _, prefix := range []string{
			"buckets/headcount-lake/data/", "buckets/headcount-lake/errors/", "buckets/headcount-quarantine/",
			"buckets/headcount-aggregates/partials/", "buckets/headcount-aggregates/headcounts/", "mail/",
		} {
			if strings.HasPrefix(name, prefix) {
				kind = prefix
			}
		}
		if strings.HasPrefix(name, "buckets/headcount-lake/") || strings.HasPrefix(name, "buckets/headcount-quarantine/") {
			needles = forbidden
			if found(content, texts) != nil {
				kind += " with the marker"
			}
		}
		seen[kind]++
		if got := found(content, needles); got != nil {
			t.Errorf("%s holds %v", name, got)
		}
	})
	for _, kind := range []string{
		"buckets/headcount-lake/data/ with the marker", "buckets/headcount-lake/errors/ with the marker",
		"buckets/headcount-quarantine/ with the marker", "buckets/headcount-aggregates/partials/",
		"buckets/headcount-aggregates/headcounts/", "buckets/headcount-aggregates/flows/v1.json", "mail/",
		"logs/validator.log", "logs/masker.log", "logs/aggregator.log",
	} {
		if seen[kind] == 0 {
			t.Errorf("there is no file %s, but %v", kind, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// TestAFolderOfRunHoldsPersonalDataWhereItMay is the same for what `headcount
// run` leaves behind.
func TestAFolderOfRunHoldsPersonalDataWhereItMay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines := append(faultyPersonal(marker), personal(marker), personal(refused, `"analytics":true`, `"analytics":false`))
	run(t, dir, options{pois: samplePlacesWithRadius(t), window: 5 * time.Minute, minPeople: 1, perMessage: 3}, lines)
	checkFolder(t, newOpener(t), dir)
}
