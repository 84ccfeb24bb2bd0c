package enginetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/headcount-etl/headcount/stack/record"
)

// Version is the version of pulumi-aws that the program is built with.
var Version = semver.MustParse("6.83.0")

// AWS is a provider for aws that creates nothing: it remembers which resources
// there are, refuses types and functions that it does not know, and gives
// unknown values in a preview, as the real one does.
type AWS struct {
	region string
	types  map[string]bool

	means *record.Means
	// earlier is the ARN of a secret that was there before the stack; "" is none.
	earlier string

	mu      sync.Mutex
	there   map[string]string // by URN: the id
	copies  map[string]int    // by URN: while a resource is replaced there are two
	deleted []string          // types
	first   time.Time         // when the first resource was registered
}

// First gives when the first resource was registered.
func (a *AWS) First() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.first
}

// NewAWS makes a provider that knows the types in the committed lists of
// resources.
func NewAWS(region string, lists ...string) (*AWS, error) {
	a := &AWS{region: region, types: map[string]bool{}, there: map[string]string{}, copies: map[string]int{}, means: &record.Means{}}
	for _, list := range lists {
		data, err := os.ReadFile(list) //nolint:gosec // a file of the repository
		if err != nil {
			return nil, err
		}
		var resources []record.Resource
		if err := json.Unmarshal(data, &resources); err != nil {
			return nil, fmt.Errorf("%s: %w", list, err)
		}
		for _, r := range resources {
			a.types[r.Type] = true
		}
	}
	return a, nil
}

// There gives how many resources there are.
func (a *AWS) There() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.there)
}

// Left gives the types and names of what is there, sorted. The name of a schema ends
// with a hash, which is left out.
func (a *AWS) Left() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for urn := range a.there {
		name, _, _ := strings.Cut(resource.URN(urn).Name(), "_")
		names = append(names, string(resource.URN(urn).Type())+" "+name)
	}
	slices.Sort(names)
	return names
}

// Deleted gives how many resources of a type were deleted.
func (a *AWS) Deleted(kind string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.deleted {
		if one == kind {
			n++
		}
	}
	return n
}

// Has reports whether a resource is there.
func (a *AWS) Has(urn string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.there[urn]
	return ok
}

// Provider gives the provider as the engine loads it.
func (a *AWS) Provider() *deploytest.Provider {
	return &deploytest.Provider{CheckF: a.check, DiffF: a.diff, CreateF: a.create, UpdateF: a.update, DeleteF: a.delete, ReadF: a.read, InvokeF: a.invoke}
}

func (a *AWS) check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	if kind := string(req.URN.Type()); !a.types[kind] {
		return plugin.CheckResponse{}, fmt.Errorf("the type %s is not known here", kind)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first.IsZero() {
		a.first = time.Now()
	}
	return plugin.CheckResponse{Properties: req.News}, nil
}

// diff compares the inputs with what there is. The engine has put what is to be
// ignored into both.
func (a *AWS) diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	there := resource.PropertyMap{}
	for key, value := range req.OldOutputs {
		_, was := req.OldInputs[key]
		if _, is := req.NewInputs[key]; was || is {
			there[key] = value
		}
	}
	var changed, replacing []resource.PropertyKey
	if diff := there.Diff(withoutEmptyLists(req.NewInputs)); diff != nil {
		for _, key := range diff.Keys() {
			if diff.Changed(key) {
				changed = append(changed, key)
			}
		}
	}
	for _, key := range changed {
		if forcesNew(string(req.URN.Type()), key, req.NewInputs) {
			replacing = append(replacing, key)
		}
	}
	if len(changed) == 0 {
		return plugin.DiffResult{Changes: plugin.DiffNone}, nil
	}
	return plugin.DiffResult{Changes: plugin.DiffSome, ChangedKeys: changed, ReplaceKeys: replacing}, nil
}

// forcesNew reports whether a change of a property replaces the resource, of the
// properties by which a running stack would be stopped
// (https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/security_group,
// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/ecs_service).
func forcesNew(kind string, key resource.PropertyKey, inputs resource.PropertyMap) bool {
	switch kind {
	case "aws:ec2/securityGroup:SecurityGroup":
		return slices.Contains([]resource.PropertyKey{"name", "namePrefix", "description", "vpcId"}, key)
	case "aws:ecs/taskDefinition:TaskDefinition":
		return true
	case "aws:s3/bucketObjectv2:BucketObjectv2":
		return key == "bucket" || key == "key"
	case "aws:ecs/service:Service":
		forced := inputs["forceNewDeployment"]
		inPlace := forced.IsBool() && forced.BoolValue()
		return key == "name" || key == "launchType" || key == "capacityProviderStrategies" && !inPlace
	}
	return false
}

// kept is what AWS has of a value that it was sent: a block without members is
// not sent at all (https://github.com/hashicorp/terraform-provider-aws/issues/28517),
// so that it is a difference at every up; an empty list is as good as none.
func kept(v resource.PropertyValue) (resource.PropertyValue, bool) {
	switch {
	case v.IsObject():
		members := resource.PropertyMap{}
		for key, member := range v.ObjectValue() {
			if member, ok := kept(member); ok {
				members[key] = member
			}
		}
		return resource.NewObjectProperty(members), len(members) > 0
	case v.IsArray():
		var items []resource.PropertyValue
		for _, item := range v.ArrayValue() {
			if item, ok := kept(item); ok {
				items = append(items, item)
			}
		}
		return resource.NewArrayProperty(items), len(items) > 0
	default:
		return v, true
	}
}

// withoutEmptyLists leaves out the lists without items, at the top.
func withoutEmptyLists(inputs resource.PropertyMap) resource.PropertyMap {
	left := resource.PropertyMap{}
	for key, value := range inputs {
		if !value.IsArray() || len(value.ArrayValue()) > 0 {
			left[key] = value
		}
	}
	return left
}

func (a *AWS) create(_ context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	id, state := a.outputs(req.URN, req.Properties, req.Preview)
	if req.Preview {
		return plugin.CreateResponse{Properties: state, Status: resource.StatusOK}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.there[string(req.URN)] = id
	a.copies[string(req.URN)]++
	return plugin.CreateResponse{ID: resource.ID(id), Properties: state, Status: resource.StatusOK}, nil
}

func (a *AWS) update(_ context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	_, state := a.outputs(req.URN, req.NewInputs, false)
	if string(req.ID) == a.earlier {
		state["arn"] = resource.NewStringProperty(a.earlier)
	}
	return plugin.UpdateResponse{Properties: state, Status: resource.StatusOK}, nil
}

func (a *AWS) delete(_ context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.there[string(req.URN)]; !ok {
		return plugin.DeleteResponse{}, fmt.Errorf("%s is not there", req.URN)
	}
	if a.copies[string(req.URN)]--; a.copies[string(req.URN)] == 0 {
		delete(a.there, string(req.URN))
	}
	a.deleted = append(a.deleted, string(req.URN.Type()))
	return plugin.DeleteResponse{Status: resource.StatusOK}, nil
}

// outputs gives what a resource is like once it is there; before, what AWS makes
// up is unknown.
func (a *AWS) outputs(urn resource.URN, inputs resource.PropertyMap, unknown bool) (string, resource.PropertyMap) {
	id, made := record.Outputs(a.region, record.Resource{Type: string(urn.Type()), Name: urn.Name(), Inputs: inputs.Mappable()})
	state := resource.PropertyMap{}
	for key, value := range inputs {
		if value, ok := kept(value); ok {
			state[key] = value
		}
	}
	for name, value := range made {
		state[resource.PropertyKey(name)] = resource.NewStringProperty(value)
		if unknown {
			state[resource.PropertyKey(name)] = resource.MakeComputed(resource.NewStringProperty(""))
		}
	}
	return id, state
}

// read gives the one thing that can be imported, as it was made by an earlier version.
func (a *AWS) read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	if a.earlier == "" || string(req.ID) != a.earlier {
		return plugin.ReadResponse{}, fmt.Errorf("%s is not there", req.ID)
	}
	inputs := resource.NewPropertyMapFromMap(map[string]any{
		"name": "headcount/dev/masking-keys", "description": "The masking keys of Headcount.", "recoveryWindowInDays": 30.0,
	})
	outputs := inputs.Copy()
	outputs["arn"] = resource.NewStringProperty(a.earlier)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.there[string(req.URN)], a.copies[string(req.URN)] = a.earlier, 1
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: inputs, Outputs: outputs}, Status: resource.StatusOK}, nil
}

func (a *AWS) invoke(_ context.Context, req plugin.InvokeRequest) (plugin.InvokeResponse, error) {
	args := resource.ToResourcePropertyMap(req.Args).Mappable()
	answer, err := record.Answer(a.region, string(req.Tok), args)
	if err != nil {
		return plugin.InvokeResponse{}, err
	}
	switch req.Tok {
	case "aws:secretsmanager/getSecrets:getSecrets":
		answer["arns"] = a.secrets()
	case "aws:secretsmanager/getSecretVersions:getSecretVersions":
		if arn := fmt.Sprint(args["secretId"]); arn != a.earlier && a.means.KeyOf(arn) == "" {
			answer["versions"] = []any{}
		}
	}
	return plugin.InvokeResponse{Properties: resource.FromResourcePropertyMap(resource.NewPropertyMapFromMap(answer))}, nil
}

// secrets gives the ARNs of all secrets, among them one whose name only begins so.
func (a *AWS) secrets() []any {
	all := []any{"arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-of-others-AbCdEf"}
	if a.earlier != "" {
		all = append(all, a.earlier)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for urn, id := range a.there {
		if resource.URN(urn).Type() == "aws:secretsmanager/secret:Secret" && id != a.earlier {
			all = append(all, id)
		}
	}
	return all
}
