// Package quarantine keeps what the services reject, and tells about it.
//
// A rejected event becomes one line of a gzipped NDJSON object under
//
//	quarantine/category=<category>/year=YYYY/month=MM/day=DD/<hash>.ndjson.gz
//
// by the UTC day of its arrival. The hash is that of the object's content, so
// that writing the same lines again changes nothing. A line carries
// (message_id, index), by which a redelivery can be distinguished from a second event.
package quarantine

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
)

// Rejection is one rejected event.
type Rejection struct {
	// Source is the number of the message, in the batch at hand, that the
	// event came in.
	Source int
	Fault  event.Fault
	Origin pack.Origin
	Index  int
	// Payload is the event as it came, where consent allows to keep it; else
	// empty.
	Payload string
}

// line is what the quarantine holds of a rejection.
type line struct {
	Category   event.Category `json:"category"`
	Field      string         `json:"field,omitempty"`
	ReceivedAt string         `json:"received_at"`
	MessageID  string         `json:"message_id"`
	Index      int            `json:"index"`
	Stage      string         `json:"stage"`
	Payload    string         `json:"payload,omitempty"`
}

// PutAPI is what Store calls of *s3.Client.
type PutAPI interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Store writes rejections to a bucket.
type Store struct {
	API    PutAPI
	Bucket string
	// Stage is the name of the service that rejects.
	Stage string
}

// prefix is where the rejections of a category and a day lie.
func prefix(category event.Category, at time.Time) string {
	return fmt.Sprintf("quarantine/category=%s/year=%04d/month=%02d/day=%02d/", category, at.Year(), at.Month(), at.Day())
}

// Put keeps the rejections whose category asks for it, one object for each
// category and day. Where an object cannot be written, it puts the error into
// errs at the sources of the rejections that the object was to hold.
func (s *Store) Put(ctx context.Context, rejections []Rejection, errs []error) {
	groups := map[string][]Rejection{}
	for _, r := range rejections {
		if !r.Origin.Replay && r.Fault.Category.Treatment().Quarantine {
			p := prefix(r.Fault.Category, time.UnixMilli(r.Origin.ReceivedAt).UTC())
			groups[p] = append(groups[p], r)
		}
	}
	for p, group := range groups {
		if err := s.put(ctx, p, group); err != nil {
			for _, r := range group {
				errs[r.Source] = fmt.Errorf("quarantine in %s: %w", s.Bucket, err)
			}
		}
	}
}

func (s *Store) put(ctx context.Context, prefix string, group []Rejection) error {
	var object bytes.Buffer
	content := sha256.New()
	zip := gzip.NewWriter(&object)
	for _, r := range group {
		text, err := json.Marshal(line{
			Category: r.Fault.Category, Field: r.Fault.Field,
			ReceivedAt: time.UnixMilli(r.Origin.ReceivedAt).UTC().Format("2006-01-02T15:04:05.000Z"),
			MessageID:  r.Origin.MessageID, Index: r.Index, Stage: s.Stage,
			Payload: base64.StdEncoding.EncodeToString([]byte(r.Payload)),
		})
		if err != nil {
			return err
		}
		text = append(text, '\n')
		content.Write(text)
		if _, err := zip.Write(text); err != nil {
			return err
		}
	}
	if err := zip.Close(); err != nil {
		return err
	}
	_, err := s.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: aws.String(prefix + hex.EncodeToString(content.Sum(nil)[:16]) + ".ndjson.gz"),
		Body: bytes.NewReader(object.Bytes()), ContentType: aws.String("application/gzip"),
	})
	return err
}
