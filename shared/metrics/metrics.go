// Package metrics counts what the services do and writes it to their log as
// CloudWatch metrics in the embedded metric format
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html),
// so that no agent and no call to AWS is needed.
//
// The names stand in one table, Table. A metric that is not in it cannot be
// counted: names are constants of types of their own, and a plain string does
// not compile.
package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Namespace is the CloudWatch namespace of every metric.
const Namespace = "Headcount"

// Set counts the metrics of one service and flow of a stack. Its methods may be called
// from any number of goroutines; on a nil Set they do nothing.
type Set struct {
	stack, service, flow string

	mu sync.Mutex
	// values are indexed as Table, by category; "" is that of metrics without one.
	values map[string]*[allNames]int64

	// flushing keeps the lines of two flushes apart.
	flushing sync.Mutex
	w        io.Writer
}

// New makes a Set that writes to w, one Write for each line, as the stack,
// service and flow that stand in the dimensions. None may be empty: CloudWatch
// refuses an empty dimension.
func New(w io.Writer, stack, service, flow string) *Set {
	return &Set{w: w, stack: stack, service: service, flow: flow, values: map[string]*[allNames]int64{}}
}

// Add adds n to a metric whose statistic is Sum, and raises one whose
// statistic is Maximum to n.
func (s *Set) Add(name Name, n int64) { s.add(NameByCategory(name), "", n) }

// AddBy adds n to a metric under a category. Every category is a metric of its
// own to CloudWatch, kept for 15 months and paid for, so it must come from a
// fixed list and never from input.
func (s *Set) AddBy(name NameByCategory, category string, n int64) { s.add(name, category, n) }

func (s *Set) add(index NameByCategory, category string, n int64) {
	if s == nil || n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	values := s.values[category]
	if values == nil {
		values = new([allNames]int64)
		s.values[category] = values
	}
	if Table[index].Statistic == Sum {
		values[index] += n
	} else {
		values[index] = max(values[index], n)
	}
}

// Flush writes what was counted since the last Flush, one line of JSON for
// each set of dimensions, dated now, and begins again at zero. Metrics that
// did not change are left out. The error is the writer's: what the failed line
// held is lost.
func (s *Set) Flush(now time.Time) error {
	if s == nil {
		return nil
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()

	s.mu.Lock()
	counted := s.values
	s.values = map[string]*[allNames]int64{}
	s.mu.Unlock()
	var errs []error
	for category, values := range counted {
		errs = append(errs, s.write(now, category, values))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// metadata is the `_aws` member of an embedded metric format document.
type metadata struct {
	Timestamp         int64 // milliseconds since the Unix epoch
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct {
	Name string
	Unit Unit
}

// write writes one document with the values that are not 0.
func (s *Set) write(now time.Time, category string, values *[allNames]int64) error {
	document := map[string]any{"Stack": s.stack, "Service": s.service, "Flow": s.flow}
	dimensions := perFlow
	if category != "" {
		document["Category"] = category
		dimensions = perCategory
	}
	var definitions []definition
	for i, metric := range Table {
		if n := values[i]; n != 0 {
			document[metric.Name] = n
			definitions = append(definitions, definition{metric.Name, metric.Unit})
		}
	}
	document["_aws"] = metadata{now.UnixMilli(), []directive{{
		Namespace, [][]string{dimensions}, definitions,
	}}}
	line, err := json.Marshal(document)
	if err != nil {
		return err
	}
	_, err = s.w.Write(append(line, '\n'))
	return err
}
