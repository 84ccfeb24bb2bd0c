package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/shared/pipeline"
)

// Outputs is what the stack says of itself, `pulumi stack output --json`. Names of
// buckets, URLs of queues, ARNs of topics.
type Outputs struct {
	// Stack is the stack's name: a dimension of its services' metrics.
	Stack         string `json:"stack"`
	Region        string `json:"region"`
	TopicARN      string `json:"topicArn"`
	Database      string `json:"database"`
	Workgroup     string `json:"workgroup"`
	ClusterName   string `json:"clusterName"`
	PublishedFlow string `json:"publishedFlow"`
	// FirstYear is the first year of which Athena sees rows; 0 is not known.
	FirstYear int             `json:"firstYear"`
	Buckets   Buckets         `json:"buckets"`
	Flows     map[string]Flow `json:"flows"`
	// DeliveryDeadLetterQueue is the URL of the queue of what SNS could not give
	// to Firehose.
	DeliveryDeadLetterQueue string `json:"deliveryDeadLetterQueue"`
}

// Buckets are the names of the buckets.
type Buckets struct {
	Lake       string `json:"lake"`
	Aggregates string `json:"aggregates"`
}

// Flow is one flow of the stack.
type Flow struct {
	// Queues and DeadLetterQueues are URLs by the names of package pipeline.
	Queues           map[string]string `json:"queues"`
	DeadLetterQueues map[string]string `json:"deadLetterQueues"`
	// Services are names of ECS services by stage.
	Services map[string]string `json:"services"`
	// Window and MaxAge are durations; a MaxAge of 0s is any age.
	Window Duration `json:"window"`
	MaxAge Duration `json:"maxAge"`
	// RadiusM is in metres, for places that name none.
	RadiusM   float64 `json:"radiusM"`
	MinPeople int     `json:"minPeople"`
	// HotspotLevel is 0 where hot spots are off.
	HotspotLevel int `json:"hotspotLevel"`
	// PlacesKey is the key of the list of places in the bucket aggregates.
	PlacesKey string `json:"placesKey"`
}

// Duration is a time.Duration, written as Go writes it: 5m0s.
type Duration time.Duration

// UnmarshalJSON reads a text such as "5m0s".
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is a text such as \"5m0s\", not %s", data)
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

// ReadOutputs reads the outputs of a stack. The error names every one that is
// missing.
func ReadOutputs(r io.Reader) (Outputs, error) {
	var o Outputs
	if err := json.NewDecoder(r).Decode(&o); err != nil {
		if errors.Is(err, io.EOF) {
			return o, errors.New("the outputs are empty: is there such a stack, and was it brought up?")
		}
		return o, fmt.Errorf("the outputs are not what `pulumi stack output --json` writes: %w", err)
	}
	if missing := o.missing(); len(missing) > 0 {
		return o, fmt.Errorf("outputs are missing: %s", strings.Join(missing, ", "))
	}
	return o, nil
}

// missing names what is not there, sorted.
func (o *Outputs) missing() []string {
	there := map[string]bool{
		"stack": o.Stack != "", "region": o.Region != "", "topicArn": o.TopicARN != "", "database": o.Database != "", "workgroup": o.Workgroup != "",
		"clusterName": o.ClusterName != "", "publishedFlow": o.PublishedFlow != "", "deliveryDeadLetterQueue": o.DeliveryDeadLetterQueue != "",
		"buckets.lake": o.Buckets.Lake != "", "buckets.aggregates": o.Buckets.Aggregates != "", "flows": len(o.Flows) > 0,
	}
	for name, f := range o.Flows {
		prefix := "flows." + name + "."
		for _, q := range pipeline.Queues() {
			there[prefix+"queues."+q], there[prefix+"deadLetterQueues."+q] = f.Queues[q] != "", f.DeadLetterQueues[q] != ""
		}
		for _, s := range pipeline.Names(nil) {
			there[prefix+"services."+s] = f.Services[s] != ""
		}
		there[prefix+"placesKey"], there[prefix+"window"] = f.PlacesKey != "", f.Window > 0
		there[prefix+"radiusM"], there[prefix+"minPeople"] = f.RadiusM > 0, f.MinPeople >= 1
	}
	maps.DeleteFunc(there, func(_ string, is bool) bool { return is })
	return slices.Sorted(maps.Keys(there))
}

// OnAWS is the stack with these outputs, by the credentials that the SDK finds. A
// run needs to publish to the topic, to read queues, buckets, services and metrics,
// to ask Athena in the workgroup, and the key.
func OnAWS(ctx context.Context, o Outputs) (*Target, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	return &Target{
		Outputs: o, Topic: sns.NewFromConfig(cfg), Queues: sqs.NewFromConfig(cfg), Objects: s3.NewFromConfig(cfg),
		SQL:            &Athena{API: athena.NewFromConfig(cfg), Workgroup: o.Workgroup, Database: o.Database, Every: 500 * time.Millisecond},
		EventsWithPath: "events", Services: ecs.NewFromConfig(cfg), Metrics: cloudwatch.NewFromConfig(cfg),
	}, nil
}
