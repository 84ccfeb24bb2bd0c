package places

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	header = "poi_id,name,latitude,longitude,radius_m\n"
	paris  = header + "louvre,Musée du Louvre,48.86,2.34,\neiffel,Tour Eiffel,48.858,2.294,300\n"
	rome   = header + "trevi,Fontana di Trevi,41.9,12.48,\n"
)

// typed is a bucket in memory that knows the content types as well.
type typed struct {
	memory.Bucket
	types map[string]string
}

func (b *typed) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	out, err := b.Bucket.PutObject(ctx, in, opts...)
	if err == nil {
		if b.types == nil {
			b.types = map[string]string{}
		}
		b.types[*in.Key] = aws.ToString(in.ContentType)
	}
	return out, err
}

func (b *typed) bucket() bucket.Bucket { return bucket.Bucket{API: b, Name: "aggregates"} }

func flowOf(t *testing.T, name, csv string) settings.Flow {
	t.Helper()
	list, err := places.ReadCSV(strings.NewReader(csv), 200)
	if err != nil {
		t.Fatal(err)
	}
	return settings.Flow{Name: name, Places: name + ".csv", PlacesData: []byte(csv), List: list, Window: 5 * time.Minute}
}

func stackOf(flows ...settings.Flow) *settings.Settings {
	return &settings.Settings{Stack: "dev", Region: "eu-west-1", Flows: flows}
}

// opens does what the flow's aggregators do at their start.
func opens(t *testing.T, b *typed, f settings.Flow) error {
	t.Helper()
	_, err := flow.Open(t.Context(), b.bucket(), f.Name, flow.Settings{Window: f.Window, Places: f.List})
	return err
}

func TestUploadsOnce(t *testing.T) {
	b := &typed{}
	v1, v2 := flowOf(t, "v1", paris), flowOf(t, "v2", rome)
	var out bytes.Buffer
	if err := run(t.Context(), b.bucket(), stackOf(v1, v2), &out); err != nil {
		t.Fatal(err)
	}
	keys := []string{names.PlacesKey("v1", []byte(paris)), names.PlacesKey("v2", []byte(rome))}
	for i, csv := range []string{paris, rome} {
		if string(b.Get(keys[i])) != csv || b.types[keys[i]] != "text/csv; charset=utf-8" {
			t.Errorf("%s: %q, %q", keys[i], b.types[keys[i]], b.Get(keys[i]))
		}
	}
	if all := b.Keys(""); len(all) != 2 {
		t.Errorf("wrote %v", all)
	}
	want := "flow v1: v1.csv, 2 places, radii of 200 to 300 m: s3://aggregates/" + keys[0] + " uploaded\n" +
		"flow v2: v2.csv, 1 place, radius 200 m: s3://aggregates/" + keys[1] + " uploaded\n" +
		"Next: make deploy STACK=dev gives the aggregators what was uploaded.\n"
	if out.String() != want {
		t.Errorf("said\n%s", &out)
	}
	out.Reset()
	b.Before = func(verb, key string) error {
		if verb == "put" {
			t.Errorf("%s was written again", key)
		}
		return nil
	}
	if err := run(t.Context(), b.bucket(), stackOf(v1, v2), &out); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); strings.Count(said, "is there already\n") != 2 || strings.Contains(said, "Next") {
		t.Errorf("said\n%s", said)
	}
}

func TestDescribe(t *testing.T) {
	list := []places.Place{{RadiusM: 200}, {RadiusM: 99.5}, {RadiusM: 300}, {RadiusM: 250}}
	if got, want := describe(list), "4 places, radii of 99.5 to 300 m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestANewPlace: the flow's document is for the aggregators to change.
func TestANewPlace(t *testing.T) {
	b := &typed{}
	if err := opens(t, b, flowOf(t, "v1", paris)); err != nil {
		t.Fatal(err)
	}
	before := string(b.Get("flows/v1.json"))
	more := flowOf(t, "v1", paris+"sacre,Sacré-Cœur,48.8867,2.3431,\n")
	if err := run(t.Context(), b.bucket(), stackOf(more), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if string(b.Get("flows/v1.json")) != before {
		t.Error("changed the flow's document")
	}
	if b.Get(names.PlacesKey("v1", more.PlacesData)) == nil {
		t.Error("was not uploaded")
	}
}

// TestAPlaceLess is no fault, as where a list is rolled back: the flow keeps the place.
func TestAPlaceLess(t *testing.T) {
	b := &typed{}
	if err := opens(t, b, flowOf(t, "v1", paris)); err != nil {
		t.Fatal(err)
	}
	before := string(b.Get("flows/v1.json"))
	first := strings.Join(strings.SplitAfter(paris, "\n")[:2], "")
	var out bytes.Buffer
	if err := run(t.Context(), b.bucket(), stackOf(flowOf(t, "v1", first)), &out); err != nil {
		t.Fatal(err)
	}
	if string(b.Get("flows/v1.json")) != before || !strings.Contains(out.String(), "flow v1 goes on counting 1 place that v1.csv lacks") {
		t.Errorf("said %s", &out)
	}
}

// TestForbidden: what would stop an aggregator is reported of all flows at once,
// and no list is uploaded, not even that of a flow that is right.
func TestForbidden(t *testing.T) {
	b := &typed{}
	for _, name := range []string{"v1", "v2", "v3"} {
		if err := opens(t, b, flowOf(t, name, paris)); err != nil {
			t.Fatal(err)
		}
	}
	moved := flowOf(t, "v1", strings.Replace(paris, "48.86,", "48.87,", 1))
	other := flowOf(t, "v2", rome)
	other.Window = time.Minute
	right := flowOf(t, "v3", paris)
	s := stackOf(moved, right, other)
	err := run(t.Context(), b.bucket(), s, &bytes.Buffer{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"nothing was uploaded", "v1.csv: flow v1", "place louvre was", "48.87",
		"v2.csv: flow v2", "the window was 5m0s, is 1m0s", "Pulumi.dev.yaml",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "v3") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q", err)
	}
	if uploaded := b.Keys("places/"); len(uploaded) > 0 {
		t.Errorf("uploaded %v", uploaded)
	}
	for i := range s.Flows { // the aggregators agree
		if err := opens(t, b, s.Flows[i]); (err == nil) != (s.Flows[i].Name == "v3") {
			t.Errorf("flow %s: %v", s.Flows[i].Name, err)
		}
	}
}

func TestErrors(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		verb string
		err  error
		want string
	}{
		"no bucket":             {"get", &types.NoSuchBucket{}, "there is no bucket aggregates: make deploy STACK=dev makes it first"},
		"no flow":               {"get", memory.Status(http.StatusForbidden), "get s3://aggregates/flows/v1.json: "},
		"head fails":            {"head", memory.Status(http.StatusForbidden), "head s3://aggregates/places/v1-"},
		"put fails":             {"put", gone, "put s3://aggregates/places/v1-"},
		"bucket goes meanwhile": {"put", &types.NoSuchBucket{}, "there is no bucket aggregates"},
	} {
		b := &typed{}
		b.Before = func(verb, _ string) error {
			if verb == c.verb {
				return c.err
			}
			return nil
		}
		var out bytes.Buffer
		err := run(t.Context(), b.bucket(), stackOf(flowOf(t, "v1", paris)), &out)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: got %v, and said %q", name, err, &out)
		}
	}
}

// TestAsConfigured: what the repository's own stacks name can be uploaded.
func TestAsConfigured(t *testing.T) {
	root, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "Pulumi.*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		stack := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml")
		s, err := settings.Load(root, stack)
		if err != nil {
			t.Fatal(err)
		}
		b := &typed{}
		if err := run(t.Context(), b.bucket(), s, &bytes.Buffer{}); err != nil {
			t.Errorf("%s: %v", stack, err)
		}
		for i := range s.Flows {
			data, err := os.ReadFile(filepath.Join(root, s.Flows[i].Places))
			if err != nil || !bytes.Equal(b.Get(names.PlacesKey(s.Flows[i].Name, data)), data) {
				t.Errorf("%s: flow %s: %v", stack, s.Flows[i].Name, err)
			}
		}
	}
}
