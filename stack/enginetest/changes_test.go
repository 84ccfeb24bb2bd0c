package enginetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/headcount-etl/headcount/stack/settings"
)

// TestSwitches: another network, other capacity and another format of the lake change
// what runs in place. A security group that is replaced is in use, and a service that is
// replaced stops.
func TestSwitches(t *testing.T) {
	t.Parallel()
	a := open(t, "dev")
	a.up()
	a.settings.Network = settings.Endpoints
	network := a.up()
	if replaced := network.named[deploy.OpReplace]; len(replaced) > 0 {
		t.Errorf("another network replaced %v", replaced)
	}
	if updated := network.named[deploy.OpUpdate]; !slices.Contains(updated, "aws:ec2/securityGroup:SecurityGroup tasks") {
		t.Errorf("another network updated %v, but not where the tasks may talk to", updated)
	}
	a.settings.Spot = false
	got := a.up().only(t, deploy.OpUpdate)
	slices.Sort(got)
	if want := []string{"aws:ecs/service:Service v1-aggregator", "aws:ecs/service:Service v1-masker", "aws:ecs/service:Service v1-validator"}; !slices.Equal(got, want) {
		t.Errorf("other capacity updated %v, want %v", got, want)
	}
	a.settings.LakeFormat = settings.ORC
	format := a.up()
	updated, created := slices.Sorted(slices.Values(format.named[deploy.OpUpdate])), format.named[deploy.OpCreate]
	if want := []string{"aws:glue/catalogTable:CatalogTable events", "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream lake"}; !slices.Equal(updated, want) || format.steps[deploy.OpReplace] > 0 {
		t.Errorf("another format updated %q, want %q; replaced %q", updated, want, format.named[deploy.OpReplace])
	}
	// The schema of before stays, while Firehose may use it.
	if len(created) != 1 || !strings.HasSuffix(created[0], "_orc") || a.aws.Deleted("aws:glue/catalogTable:CatalogTable") > 0 {
		t.Errorf("another format created %q", created)
	}
}

// TestCrawlerEdits: what the crawler has written into the table of headcounts is
// no difference to the next up, after a refresh.
func TestCrawlerEdits(t *testing.T) {
	t.Parallel()
	a := open(t, "dev")
	a.up()
	edited := 0
	for _, r := range a.snapshot.Resources {
		if r.URN.Name() == "headcounts" && r.Type == "aws:glue/catalogTable:CatalogTable" {
			r.Inputs, r.Outputs = crawled(r.Inputs), crawled(r.Outputs)
			edited++
		}
	}
	if edited != 1 {
		t.Fatalf("there are %d tables of headcounts", edited)
	}
	if changed := a.up().only(t, deploy.OpUpdate); len(changed) > 0 {
		t.Errorf("an up after the crawler updated %v", changed)
	}
}

// crawled is a table as a crawler leaves it: with a column more, and notes of its
// own, one of which has a dot in its name.
func crawled(table resource.PropertyMap) resource.PropertyMap {
	text := resource.NewStringProperty
	parameters := maps.Clone(table["parameters"].ObjectValue())
	parameters["UPDATED_BY_CRAWLER"], parameters["partition_filtering.enabled"] = text("headcount-dev"), text("true")
	descriptor := maps.Clone(table["storageDescriptor"].ObjectValue())
	column := resource.NewObjectProperty(resource.PropertyMap{"name": text("new"), "type": text("bigint")})
	descriptor["columns"] = resource.NewArrayProperty(append(slices.Clone(descriptor["columns"].ArrayValue()), column))
	changed := maps.Clone(table)
	changed["parameters"], changed["storageDescriptor"] = resource.NewObjectProperty(parameters), resource.NewObjectProperty(descriptor)
	return changed
}
