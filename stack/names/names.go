// Package names gives what the stack's resources are called in AWS. The program
// and the tools behind make share it, so that they mean the same.
package names

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Names are the names of one stack in one account and region.
type Names struct {
	// Stack is the name of the stack, Account the 12 digits of the account.
	Stack, Account, Region string
}

// The buckets.
const (
	Lake       = "lake"
	Aggregates = "aggregates"
	Quarantine = "quarantine"
	Results    = "results"
	Logs       = "logs"
)

// Prefix begins the names of most resources.
func (n Names) Prefix() string { return "headcount-" + n.Stack }

// Bucket gives the name of one of the buckets. Names of buckets are unique in
// the world, hence account and region.
func (n Names) Bucket(kind string) string {
	return fmt.Sprintf("%s-%s-%s-%s", n.Prefix(), kind, n.Account, n.Region)
}

// Queue gives the name of a flow's queue: ingest, valid, masked, finals.
func (n Names) Queue(flow, queue string) string {
	return fmt.Sprintf("%s-%s-%s", n.Prefix(), flow, queue)
}

// Topic gives the name of a topic: events, alerts, alarms.
func (n Names) Topic(topic string) string { return n.Prefix() + "-" + topic }

// Stream is the name of the Firehose stream into the lake.
func (n Names) Stream() string { return n.Prefix() + "-lake" }

// Cluster is the name of the ECS cluster.
func (n Names) Cluster() string { return n.Prefix() }

// Service gives the name of a flow's ECS service in the cluster.
func (n Names) Service(flow, service string) string { return flow + "-" + service }

// LogGroup gives the name of the log group of a flow's service.
func (n Names) LogGroup(flow, service string) string {
	return fmt.Sprintf("/headcount/%s/%s/%s", n.Stack, flow, service)
}

// Repository gives the name of the ECR repository of a service's images.
func (n Names) Repository(service string) string { return n.Prefix() + "/" + service }

// Database is the name of the Glue database. Athena wants no dashes in it.
func (n Names) Database() string { return "headcount_" + n.Stack }

// Workgroup is the name of the Athena workgroup.
func (n Names) Workgroup() string { return n.Prefix() }

// KeyRing is the name of the secret with the masking keys.
func (n Names) KeyRing() string { return "headcount/" + n.Stack + "/masking-keys" }

// ARN gives the ARN of a resource in the stack's account and region.
func (n Names) ARN(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, n.Region, n.Account, resource)
}

// PlacesKey gives the key, in the aggregates bucket, of a flow's places: another
// content has another key, so that a change of the file is a change of the
// aggregator's settings.
func PlacesKey(flow string, csv []byte) string {
	sum := sha256.Sum256(csv)
	return fmt.Sprintf("places/%s-%s.csv", flow, hex.EncodeToString(sum[:8]))
}
