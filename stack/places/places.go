// Package places puts the flows' lists of places where their aggregators read
// them: what `make places` does.
//
// A list's key holds the hash of its content, so that nothing that an
// aggregator may read just now is overwritten, and a change of the list is a
// change of the aggregator's settings.
package places

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Run puts the lists of all flows into the stack's aggregates bucket with the
// caller's credentials, and writes to stdout what it did. Before the first is
// written each is compared with what its flow was made with: a list that would
// stop the aggregators is an error that names every difference.
func Run(ctx context.Context, s *settings.Settings, stdout io.Writer) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region))
	if err != nil {
		return err
	}
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return fmt.Errorf("whose account this is: %w", err)
	}
	n := names.Names{Stack: s.Stack, Account: aws.ToString(caller.Account), Region: s.Region}
	return run(ctx, bucket.Bucket{API: s3.NewFromConfig(cfg), Name: n.Bucket(names.Aggregates)}, s, stdout)
}

func run(ctx context.Context, b bucket.Bucket, s *settings.Settings, stdout io.Writer) error {
	var faults []error
	besides := make([]int, len(s.Flows))
	for i := range s.Flows {
		var err error
		if besides[i], err = check(ctx, b, &s.Flows[i]); err != nil {
			var conflict *flow.ConflictError
			if !errors.As(err, &conflict) {
				return explain(b, s.Stack, err)
			}
			faults = append(faults, fmt.Errorf("%s: %w", s.Flows[i].Places, conflict))
		}
	}
	if faults != nil {
		return fmt.Errorf("nothing was uploaded, as the aggregators would stop: %s; a new flow is another one in headcount:flows of Pulumi.%s.yaml",
			strings.ReplaceAll(errors.Join(faults...).Error(), "\n", "; "), s.Stack)
	}
	news := false
	for i := range s.Flows {
		f := &s.Flows[i]
		key := names.PlacesKey(f.Name, f.PlacesData)
		did, err := put(ctx, b, key, f.PlacesData)
		if err != nil {
			return explain(b, s.Stack, err)
		}
		what := "is there already"
		if did {
			what, news = "uploaded", true
		}
		if _, err := fmt.Fprintf(stdout, "flow %s: %s, %s: s3://%s/%s %s\n", f.Name, f.Places, describe(f.List), b.Name, key, what); err != nil {
			return err
		}
		if n := besides[i]; n > 0 {
			if _, err := fmt.Fprintf(stdout, "flow %s goes on counting %s that %s lacks: only a new flow is without them\n", f.Name, number(n), f.Places); err != nil {
				return err
			}
		}
	}
	if news {
		_, err := fmt.Fprintf(stdout, "Next: make deploy STACK=%s gives the aggregators what was uploaded.\n", s.Stack)
		return err
	}
	return nil
}

// check compares the places and the window of a flow with what it was made
// with, as its aggregators do at their start. A difference that would stop them
// is a *flow.ConflictError. besides is how many places the flow has that the list lacks.
func check(ctx context.Context, b bucket.Bucket, f *settings.Flow) (besides int, err error) {
	// An aggregator that starts with new places adds them to its flow, which is not for us to do.
	known, err := flow.Open(ctx, flow.Dry(b), f.Name, flow.Settings{Window: f.Window, Places: f.List})
	if err != nil {
		return 0, err
	}
	return len(known.Unlisted()), nil
}

// put writes a list unless it is there; did is whether it was written.
func put(ctx context.Context, b bucket.Bucket, key string, data []byte) (did bool, err error) {
	if _, err := b.Head(ctx, key); err == nil || !errors.Is(err, bucket.ErrNotFound) {
		return false, err
	}
	_, err = b.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Name, Key: &key, Body: bytes.NewReader(data), ContentType: aws.String("text/csv; charset=utf-8"),
	})
	if err != nil {
		return false, fmt.Errorf("put s3://%s/%s: %w", b.Name, key, err)
	}
	return true, nil
}

// describe says what is in a list, so that one with the wrong radius is seen.
func describe(list []places.Place) string {
	least, most := list[0].RadiusM, list[0].RadiusM
	for _, p := range list {
		least, most = min(least, p.RadiusM), max(most, p.RadiusM)
	}
	radius := fmt.Sprintf("radius %g m", least)
	if most > least {
		radius = fmt.Sprintf("radii of %g to %g m", least, most)
	}
	return number(len(list)) + ", " + radius
}

func number(places int) string {
	if places == 1 {
		return "1 place"
	}
	return fmt.Sprintf("%d places", places)
}

// explain says what to do where the bucket is missing.
func explain(b bucket.Bucket, stack string, err error) error {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket" {
		return fmt.Errorf("there is no bucket %s: make deploy STACK=%s makes it first (bootstrap)", b.Name, stack)
	}
	return err
}
