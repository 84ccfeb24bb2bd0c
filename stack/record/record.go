// Package record runs the Pulumi program without AWS, and notes every resource
// that it registers: for the rules, for the committed lists of resources, and
// for whoever wants to see what a stack is made of.
package record

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/settings"
)

// Account is the account that recorded stacks are in: one of AWS's examples.
const Account = "111122223333"

// Resource is one registered resource.
type Resource struct {
	// Type is Pulumi's token, such as aws:sqs/queue:Queue.
	Type string `json:"type"`
	// Name is the name in the program.
	Name string `json:"name"`
	// Inputs are its properties, as JSON would decode them.
	Inputs map[string]any `json:"inputs"`
	// Options are what Pulumi itself knows of it.
	Options *Options `json:"options,omitempty"`
}

// Options are the options of a resource that matter to its safety.
type Options struct {
	Parent              string   `json:"parent,omitempty"` // its type and name
	Protect             bool     `json:"protect,omitempty"`
	RetainOnDelete      bool     `json:"retainOnDelete,omitempty"`
	DeleteBeforeReplace bool     `json:"deleteBeforeReplace,omitempty"`
	IgnoreChanges       []string `json:"ignoreChanges,omitempty"`
	ReplaceOnChanges    []string `json:"replaceOnChanges,omitempty"`
	// Import is the id of what is there already, and becomes this resource.
	Import string `json:"import,omitempty"`
	// Provider is whether a provider was named.
	Provider bool `json:"-"`
}

// Stack is a recorded stack.
type Stack struct {
	// Resources are sorted by type and name.
	Resources []Resource
	// Calls are the functions of providers that were called, by their tokens.
	Calls []string
	// Warnings are what the program said without failing.
	Warnings []string
}

// Faults make a run go wrong, to see what the program does.
type Faults struct {
	// Register, if set, may fail the registration of a resource.
	Register func(r Resource) error
	// Call, if set, may fail a call of a function.
	Call func(token string) error
	// Preview makes the run one in which nothing is created.
	Preview bool
}

// Run runs a program, which is as a rule program.Deploy with settings and Means, and
// gives what it registered before it ended or failed.
func Run(stack, region string, program pulumi.RunFunc, faults Faults) (*Stack, error) {
	m := &mocks{region: region, faults: faults, names: map[string]string{}}
	err := pulumi.RunErr(program, pulumi.WithMocks(settings.Project, stack, m), func(info *pulumi.RunInfo) {
		info.DryRun = faults.Preview
	})
	slices.SortFunc(m.resources, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	slices.Sort(m.calls)
	return &Stack{Resources: m.resources, Calls: m.calls}, err
}

// mocks answers in place of Pulumi's engine and AWS.
type mocks struct {
	region string
	faults Faults

	mu        sync.Mutex
	resources []Resource
	calls     []string
	names     map[string]string // by URN: type and name
}

// NewResource notes a resource, and gives the properties that AWS would make up.
func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r := Resource{Type: args.TypeToken, Name: args.Name, Inputs: plain(args.Inputs)}
	if rpc := args.RegisterRPC; rpc != nil {
		parent := ""
		if urn := resource.URN(rpc.GetParent()); urn != "" && urn.Type() != resource.RootStackType {
			parent = string(urn.Type()) + " " + urn.Name()
		}
		r.Options = &Options{
			Parent: parent, Protect: rpc.GetProtect(), RetainOnDelete: rpc.GetRetainOnDelete(), DeleteBeforeReplace: rpc.GetDeleteBeforeReplace(),
			IgnoreChanges: rpc.GetIgnoreChanges(), ReplaceOnChanges: rpc.GetReplaceOnChanges(), Import: rpc.GetImportId(), Provider: rpc.GetProvider() != "",
		}
	}
	if m.faults.Register != nil {
		if err := m.faults.Register(r); err != nil {
			return "", nil, err
		}
	}
	m.mu.Lock()
	m.resources = append(m.resources, r)
	m.mu.Unlock()
	id, made := Outputs(m.region, r)
	outputs := args.Inputs.Copy()
	for name, value := range made {
		outputs[resource.PropertyKey(name)] = resource.NewStringProperty(value)
	}
	return id, outputs, nil
}

// Call answers the functions that the program asks.
func (m *mocks) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	m.mu.Lock()
	m.calls = append(m.calls, args.Token)
	m.mu.Unlock()
	if m.faults.Call != nil {
		if err := m.faults.Call(args.Token); err != nil {
			return nil, err
		}
	}
	answer, err := Answer(m.region, args.Token, plain(args.Args))
	if err != nil {
		return nil, err
	}
	return resource.NewPropertyMapFromMap(answer), nil
}

// plain turns properties into what JSON would decode. What Pulumi leaves out
// when it calls a provider is left out.
func plain(properties resource.PropertyMap) map[string]any {
	values := properties.Mappable()
	maps.DeleteFunc(values, func(name string, value any) bool { return value == nil || strings.HasPrefix(name, "__") })
	return values
}
