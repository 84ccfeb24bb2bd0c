package smoke

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/shared/pipeline"
)

// Outputs is what the stack says of itself, `pulumi stack output --json`. Names of
// buckets, URLs of queues, ARNs of topics.
type Outputs struct {
	// Stack is the stack's name: a dimension of its services' metrics.
	Stack         string `json:"stack"`
	Region        string `json:"region"`
	Bootstrap     bool   `json:"bootstrap"`
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
	if o.Bootstrap {
		return o, errors.New("the stack is up with bootstrap: true, so it has no workers: finish its deployment first")
	}
	missing := o.missing()
	if len(missing) > 0 {
		return o, fmt.Errorf("outputs are missing: %s", strings.Join(missing, ", "))
	}
	return o, nil
}

// missing names what is not there.
func (o *Outputs) missing() (names []string) {
	need := func(name, value string) {
		if value == "" {
			names = append(names, name)
		}
	}
	need("stack", o.Stack)
	need("region", o.Region)
	need("topicArn", o.TopicARN)
	need("database", o.Database)
	need("workgroup", o.Workgroup)
	need("clusterName", o.ClusterName)
	need("publishedFlow", o.PublishedFlow)
	need("deliveryDeadLetterQueue", o.DeliveryDeadLetterQueue)
	need("buckets.lake", o.Buckets.Lake)
	need("buckets.aggregates", o.Buckets.Aggregates)
	if len(o.Flows) == 0 {
		names = append(names, "flows")
	}
	for _, flow := range slices.Sorted(maps.Keys(o.Flows)) {
		f := o.Flows[flow]
		prefix := "flows." + flow + "."
		for _, q := range pipeline.Queues() {
			need(prefix+"queues."+q, f.Queues[q])
			need(prefix+"deadLetterQueues."+q, f.DeadLetterQueues[q])
		}
		for _, s := range pipeline.Names(nil) {
			need(prefix+"services."+s, f.Services[s])
		}
		need(prefix+"placesKey", f.PlacesKey)
		if f.Window <= 0 {
			names = append(names, prefix+"window")
		}
		if f.RadiusM <= 0 {
			names = append(names, prefix+"radiusM")
		}
		if f.MinPeople < 1 {
			names = append(names, prefix+"minPeople")
		}
	}
	return names
}
