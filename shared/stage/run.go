package stage

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/shared/service"
)

const (
	// linger is how long a message waits for company: enough to make large
	// packs of a steady stream, little beside the minutes of a window.
	linger = 100 * time.Millisecond
	// A batch has at most this many messages, and bytes of bodies.
	batchMessages, batchBytes = 1000, 8 << 20
	// concurrency is how many batches are judged or sent at once.
	concurrency = 4
)

// Run runs a stage as a service: it reads the settings of the stage of package
// pipeline that has the process's name, fills in what is not the service's own,
// and consumes the input queue until ctx ends. The caller has read its own
// settings from p.Env before; all faults are reported together.
func (s *Stage) Run(ctx context.Context, p *service.Process) error {
	place := pipeline.Named(p.Name)
	s.Public = place.Input == pipeline.Entry
	s.Metrics, s.Log = p.Metrics, p.Log
	input, output := p.Env.Queues("INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL")
	var bucket, topic string
	if place.Can(pipeline.Quarantine) {
		bucket = p.Env.String("QUARANTINE_BUCKET")
	}
	if place.Can(pipeline.Alerts) {
		topic = p.Env.Optional("ALERT_TOPIC_ARN", "")
	}
	cfg, err := service.LoadAWS(ctx, p)
	if err != nil {
		return err
	}
	sqsClient := sqs.NewFromConfig(cfg)
	s.Output = queue.Sender{API: sqsClient, QueueURL: output}
	in, out := service.InputQueue(sqsClient, "INPUT_QUEUE_URL", input), service.OutputQueue(sqsClient, "OUTPUT_QUEUE_URL", output)
	given, written := []service.Given{in, out}, []service.Given{out}
	if bucket != "" {
		client := s3.NewFromConfig(cfg)
		s.Quarantine = &Quarantine{API: client, Bucket: bucket, Stage: p.Name}
		rejected := service.Bucket(client, "QUARANTINE_BUCKET", bucket)
		given, written = append(given, rejected), append(written, rejected)
	}
	if topic != "" {
		client := sns.NewFromConfig(cfg)
		given = append(given, service.Topic(client, "ALERT_TOPIC_ARN", topic))
		s.Alerts = &Alerts{API: client, TopicARN: topic, Stage: p.Name, Flow: p.Flow, Bucket: bucket, Metrics: p.Metrics}
	}
	if err := p.Check(ctx, given...); err != nil {
		return err
	}
	consumer, err := queue.NewConsumer(sqsClient, queue.Settings{
		QueueURL: input, BatchMessages: batchMessages, BatchBytes: batchBytes, Linger: linger, Concurrency: concurrency,
		StopTimeout: p.StopTimeout, Log: p.Log, Metrics: p.Metrics,
		Refused: in.ReceiveRefused, Probe: service.Probe(written...),
	}, s.Handle)
	if err != nil {
		return err
	}
	p.Health("consumer", consumer.Healthy)

	// The alerts outlive the consumer, so that the last of them are sent.
	alerting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var alerts sync.WaitGroup
	alerts.Go(func() {
		s.Alerts.Run(alerting, func(err error) { p.Log.Warn().Err(err).Msg("alert not published") })
	})
	err = consumer.Run(ctx)
	stop()
	alerts.Wait()
	return err
}
