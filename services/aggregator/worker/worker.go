// Package worker is the aggregator: it counts the masked events by window, place,
// gender and age band.
//
// It consumes two queues: the masked one, whose events it folds into partials,
// and its own finals queue, by which it, or another task, makes finals of them.
package worker

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/finals"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/shared/service"
)

const (
	// A batch of the masked queue, which is what one flush writes, has at most
	// this many messages and bytes of bodies: about half a million events.
	flushMessages, flushBytes = 10_000, 32 << 20
	// A batch of the finals queue has at most this many messages.
	finalsMessages = 1000
	// finalsLinger lets finals messages of one flush come together.
	finalsLinger = 50 * time.Millisecond
)

// settings are the aggregator's own, besides those of every service.
type settings struct {
	input, finals, bucket string
	pois                  string
	window                counts.Window
	radiusM               float64
	minPeople             int
	hotspotLevel          int
	flush, refresh        time.Duration
}

func readSettings(p *service.Process, o Options) (s settings, err error) {
	e := p.Env
	s = settings{
		bucket:       e.String("AGGREGATES_BUCKET"),
		radiusM:      e.Float("RADIUS_M", 200, math.SmallestNonzeroFloat64, places.MaxRadiusM),
		minPeople:    e.Int("MIN_PEOPLE", 1, 1, math.MaxInt32),
		hotspotLevel: e.Int("HOTSPOT_LEVEL", partials.DefaultLevel, 0, partials.MaxLevel),
		flush:        e.Duration("FLUSH_INTERVAL", 10*time.Second, 0, 10*time.Minute),
		refresh:      e.Duration("REFRESH_INTERVAL", 30*time.Second, 0, queue.MaxDelay),
	}
	s.input, s.finals = e.Queues("INPUT_QUEUE_URL", "FINALS_QUEUE_URL")
	if o.Places == nil {
		s.pois = e.String("POIS")
		if name, key, ok := s3Path(s.pois); ok && (name == "" || key == "") {
			e.Fault("POIS", fmt.Sprintf("is %q: must be s3://bucket/key, or a file", s.pois))
		}
	}
	if l := s.hotspotLevel; !partials.IsLevel(l) {
		e.Fault("HOTSPOT_LEVEL", fmt.Sprintf("is %d: must be an S2 level from %d to %d, or 0 for no hot spots", l, partials.MinLevel, partials.MaxLevel))
	}
	window := e.Duration("WINDOW", 5*time.Minute, time.Second, 24*time.Hour)
	if s.window, err = counts.NewWindow(window); err != nil {
		e.Fault("WINDOW", fmt.Sprintf("is %s: %v", window, err))
	} else if window%time.Second != 0 {
		e.Fault("WINDOW", fmt.Sprintf("is %s: must be whole seconds", window))
	}
	return s, e.Err()
}

// Worker is an aggregator that is ready to run.
type Worker struct {
	// Notes are those of the flow.
	Notes []string

	masked, finals *queue.Consumer
}

// Options are for who runs the aggregator in a process of their own. A service
// has none of them.
type Options struct {
	// Places is the list of places of a caller that has read it already, in place
	// of the one that POIS names.
	Places []places.Place
	// Observe is called for each event that is settled, by (messageID, index), with
	// whether it was near a place; more than once when it is delivered more than
	// once.
	Observe func(messageID string, index int, near bool)
	// Flows is how many flows are counted in the process, which share its memory.
	Flows int
}

// New reads the settings, checks what they name, and opens the flow: it waits
// for AWS as long as ctx lasts, since nothing can be counted before.
func New(ctx context.Context, p *service.Process, o Options) (*Worker, error) {
	s, err := readSettings(p, o)
	if err != nil {
		return nil, err
	}
	cfg, err := service.LoadAWS(ctx, p)
	if err != nil {
		return nil, err
	}
	sqsClient, s3Client := sqs.NewFromConfig(cfg), s3.NewFromConfig(cfg)
	aggregates := bucket.Bucket{API: s3Client, Name: s.bucket}
	in, finalsOut := service.InputQueue(sqsClient, "INPUT_QUEUE_URL", s.input), service.OutputQueue(sqsClient, "FINALS_QUEUE_URL", s.finals)
	results := service.Bucket(s3Client, "AGGREGATES_BUCKET", s.bucket)
	list, err := checked(ctx, p, s, o.Places, s3Client, in, finalsOut, results)
	if err != nil {
		return nil, err
	}
	var fl *flow.Flow
	err = p.Require(ctx, service.Given{
		Setting: "FLOW", Value: p.Flow, Action: "s3:GetObject and s3:PutObject of s3://" + s.bucket + "/" + flow.ObjectKey(p.Flow),
		Ask: func(ctx context.Context) (err error) {
			fl, err = flow.Open(ctx, aggregates, p.Flow, flow.Settings{Window: s.window.Duration(), Places: list, HotspotLevel: s.hotspotLevel})
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	notes := fl.Notes()
	for _, note := range notes {
		p.Log.Info().Str("note", note).Msg("the flow was there before, and not all that the settings say")
	}
	finalsQueue := queue.Sender{API: sqsClient, QueueURL: s.finals}
	writer := &partials.Writer{
		Bucket: aggregates, Flow: fl, Name: p.Flow, ID: newID(), Window: s.window, MaxAge: p.MaxAge,
		Refresh: s.refresh, Finals: finalsQueue, Metrics: p.Metrics, Log: p.Log, Observe: o.Observe,
	}
	final := &finals.Finals{
		Bucket: aggregates, Flow: fl, Name: p.Flow, Window: s.window, MinPeople: s.minPeople, Refresh: s.refresh, MaxAge: p.MaxAge,
		Queue: finalsQueue, Metrics: p.Metrics, Log: p.Log,
	}
	final.ShareMemory(o.Flows)
	w := &Worker{Notes: notes}
	w.masked, err = queue.NewConsumer(sqsClient, queue.Settings{
		QueueURL: s.input, BatchMessages: flushMessages, BatchBytes: flushBytes, Linger: s.flush,
		StopTimeout: p.StopTimeout, HeldMessages: p.HeldMessages, Refused: in.ReceiveRefused, Log: p.Log, Metrics: p.Metrics,
	}, writer.Handle)
	if err != nil {
		return nil, err
	}
	w.finals, err = queue.NewConsumer(sqsClient, queue.Settings{
		QueueURL: s.finals, BatchMessages: finalsMessages, Linger: finalsLinger,
		StopTimeout: p.StopTimeout, HeldMessages: p.HeldMessages, Refused: finalsOut.ReceiveRefused, Log: p.Log, // its messages are no part of the balance
	}, final.Handle)
	if err != nil {
		return nil, err
	}
	p.Health("masked", w.masked.Healthy)
	p.Health("finals", w.finals.Healthy)
	p.Log.Info().Str("writer", writer.ID).Int("places", len(fl.List().Places)).Dur("window", s.window.Duration()).Msg("aggregating")
	return w, nil
}

// Run aggregates until ctx ends; then it writes what it holds. The finals of
// what is written last are made by the task that is next.
func (w *Worker) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.masked.Run(ctx) })
	group.Go(func() error { return w.finals.Run(ctx) })
	return group.Wait()
}

// Flush writes what was received so far without waiting for FLUSH_INTERVAL.
func (w *Worker) Flush() { w.masked.Flush() }

// Run is New and Run in one, for a process of its own.
func Run(ctx context.Context, p *service.Process) error {
	w, err := New(ctx, p, Options{})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // stopped while it waited for AWS
	}
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// checked checks all that the service was given, and gives the list of places:
// that of the caller, or the one that POIS names.
func checked(ctx context.Context, p *service.Process, s settings, list []places.Place, client bucket.API, given ...service.Given) ([]places.Place, error) {
	if list != nil {
		return list, p.Check(ctx, given...)
	}
	pois := service.Given{Setting: "POIS", Value: s.pois, Action: "s3:GetObject", Ask: func(ctx context.Context) (err error) {
		list, err = readPlaces(ctx, client, s.pois, s.radiusM)
		return err
	}}
	if err := p.Check(ctx, append(given, pois)...); err != nil || list != nil {
		return list, err
	}
	return list, p.Require(ctx, pois)
}

// newID gives a name that no other writer has: it begins with the time, so that
// the keys show in which order writers began.
func newID() string {
	random := make([]byte, 5)
	_, _ = rand.Read(random) // never fails
	return time.Now().UTC().Format("20060102t150405") + hex.EncodeToString(random)
}

// readPlaces reads the list of places from a file or from s3://bucket/key.
func readPlaces(ctx context.Context, client bucket.API, where string, radiusM float64) ([]places.Place, error) {
	var data []byte
	var err error
	if name, key, ok := s3Path(where); ok {
		data, _, err = bucket.Bucket{API: client, Name: name}.Get(ctx, key)
	} else {
		data, err = os.ReadFile(where)
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the path is named already
		}
	}
	if err != nil {
		return nil, err
	}
	return places.ReadCSV(bytes.NewReader(data), radiusM)
}

func s3Path(where string) (bucketName, key string, ok bool) {
	rest, ok := strings.CutPrefix(where, "s3://")
	if !ok {
		return "", "", false
	}
	bucketName, key, _ = strings.Cut(rest, "/")
	return bucketName, key, true
}
