package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServicesNameWhatIsMissing: each service, as its binary, ends with exit code
// 2 when a single thing that it was given does not exist, and names that one.
func TestServicesNameWhatIsMissing(t *testing.T) {
	for service, settings := range map[string][]string{
		"validator":  {"INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL", "QUARANTINE_BUCKET", "ALERT_TOPIC_ARN"},
		"masker":     {"INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL", "QUARANTINE_BUCKET", "ALERT_TOPIC_ARN"},
		"aggregator": {"INPUT_QUEUE_URL", "FINALS_QUEUE_URL", "AGGREGATES_BUCKET", "POIS"},
	} {
		for _, setting := range settings {
			t.Run(service+" "+setting, func(t *testing.T) {
				s := newSite(t, samplePlaces(t), map[string]string{})
				s.env[setting] = s.Env(service)[setting] + "-none"
				if setting == "POIS" {
					s.env[setting] = "s3://" + s.Env(service)["AGGREGATES_BUCKET"] + "/none.csv"
				}
				p := s.start(service, "")
				select {
				case <-p.done:
				case <-time.After(patience):
					t.Fatal("it runs")
				}
				log, err := os.ReadFile(filepath.Join(s.dir, "logs", service+".log"))
				if err != nil {
					t.Fatal(err)
				}
				line := ""
				for text := range strings.Lines(string(log)) {
					if strings.Contains(text, `"level":"error"`) {
						line = text
					}
				}
				if code := p.cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(line, setting+" is ") || !strings.Contains(line, s.env[setting]) || strings.Contains(line, "; ") {
					t.Errorf("exit %d, %s", code, log)
				}
			})
		}
	}
}
