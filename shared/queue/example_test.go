package queue_test

import (
	"context"
	"fmt"
	"os/signal"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/shared/queue"
)

// A service that turns messages into capitals: it sends the results on, and
// only then says that their sources are done.
func Example() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := sqs.NewFromConfig(cfg)
	sender := queue.Sender{API: client, QueueURL: "https://sqs.eu-west-1.amazonaws.com/000000000000/out"}

	consumer, err := queue.NewConsumer(client, queue.Settings{
		QueueURL:    "https://sqs.eu-west-1.amazonaws.com/000000000000/in",
		Concurrency: 2,
	}, func(ctx context.Context, batch []queue.Message) []error {
		outs := make([]queue.Out, len(batch))
		for i, m := range batch {
			outs[i] = queue.Out{Body: strings.ToUpper(m.Body)}
		}
		return sender.Send(ctx, outs)
	})
	if err != nil {
		fmt.Println(err) // names every setting that is wrong
		return
	}
	if err := consumer.Run(ctx); err != nil {
		fmt.Println(err)
	}
}
