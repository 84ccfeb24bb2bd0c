package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
)

// publishCommand publishes a file of events to a deployed topic.
type publishCommand struct {
	stackFlags
	Events     string `required:"" placeholder:"FILE" help:"Newline-delimited events, plain or gzipped; - is stdin."`
	PerMessage int    `default:"100" placeholder:"N" help:"Most events in one published message (${default})."`
}

// Help shows examples.
func (*publishCommand) Help() string {
	return `It needs credentials that may publish to the stack's topic. Every message gets the attribute consent from its events, so that those without consent stay out of the lake. What was published is a line of JSON on stdout.

	headcount publish --events events.ndjson.gz --stack dev
	headcount simulate | headcount publish --events - --outputs outputs.json`
}

// Run publishes the events. Those that are valid are counted by the stack; which
// are not is in its quarantine.
func (c *publishCommand) Run(ctx context.Context, std streams) (err error) {
	if c.PerMessage < 1 {
		return usageError{fmt.Sprintf("--per-message %d is not at least 1", c.PerMessage)}
	}
	if c.Events == "-" && c.Outputs == "-" {
		return usageError{"--events and --outputs are both stdin"}
	}
	outputs, err := c.read(ctx, std)
	if err != nil {
		return err
	}
	input := std.in
	if c.Events != "-" {
		file, err := os.Open(c.Events)
		if err != nil {
			return usageError{fmt.Sprintf("--events %s: %s", c.Events, cause(err))}
		}
		defer file.Close() //nolint:errcheck // only read from
		input = file
	}
	lines, err := publish.Lines(untilStopped(ctx, input))
	if err != nil {
		return orCutShort(ctx, unusable(c.Events, err), "nothing was published")
	}
	aws, err := config.LoadDefaultConfig(ctx, config.WithRegion(outputs.Region))
	if err != nil {
		return fmt.Errorf("AWS configuration: %w", err)
	}
	seen := findings{}
	publisher := &publish.Publisher{API: sns.NewFromConfig(aws), TopicARN: outputs.TopicARN, PerMessage: c.PerMessage, Faulty: seen.faulty}
	published, err := publisher.Publish(ctx, lines)
	line, bad := json.Marshal(published)
	if bad == nil {
		fmt.Fprintf(std.out, "%s\n", line)
	}
	seen.writePublished(std.err)
	if published.Events == 0 && err == nil {
		return usageError{"--events " + c.Events + " holds no events"}
	}
	var cut *publish.InputError
	if errors.As(err, &cut) {
		err = usageError{"--events " + c.Events + ": it " + oneLine(err) + "; what is before that is published"}
	}
	return errors.Join(orCutShort(ctx, err, "%s published; the same events may be published again: none is counted twice", counted(published.Events, "event")), bad)
}
