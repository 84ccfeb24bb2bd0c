package definition

import (
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// document is what describe-dashboard-definition and
// describe-analysis-definition give, and what create-dashboard and create-analysis
// take, around a Definition.
type document struct {
	AnalysisId               *string //nolint:revive // the API's name, as below
	AwsAccountId             *string //nolint:revive
	DashboardId              *string //nolint:revive
	DashboardPublishOptions  *types.DashboardPublishOptions
	Definition               *Definition
	Errors                   []types.DashboardError
	FolderArns               []string
	LinkEntities             []string
	LinkSharingConfiguration *types.LinkSharingConfiguration
	Name                     *string
	Parameters               *types.Parameters
	Permissions              []types.ResourcePermission
	RequestId                *string //nolint:revive
	ResourceStatus           types.ResourceStatus
	SourceEntity             *types.DashboardSourceEntity
	Status                   *int32
	Tags                     []types.Tag
	ThemeArn                 *string
	ValidationStrategy       *types.ValidationStrategy
	VersionDescription       *string
}

// Load reads a definition: either the bare object, or one with a member
// Definition beside DashboardId, Name and so on, as describe-dashboard-definition
// gives it; paths begin with $.Definition then. It is strict: an unknown or
// missing member, a wrong JSON type, a value outside an enum, two members of a
// union and a member that comes twice are faults, and so is null. Then it checks
// what the definition refers to, with the columns that sets gives for its data
// sets; of a declared data set that is not in sets one fault says so, and its
// columns are not looked at. The faults are all there are, in the order of their
// paths. A file that cannot be read at all has that one fault only: sets is not
// asked then.
//
// The definition is never nil. It holds what is in order: a member that is not is
// left unset, and an item of a list that is not is there but empty, so that
// indices agree with the paths. With a syntax error nothing is.
func Load(file string, data []byte, sets func(*Definition) []DataSet) (*Definition, []Fault) {
	b := binder{file: file}
	d, at := b.definition(data)
	if at == nil {
		return d, b.sorted()
	}
	return d, check(b, at, d, sets(d))
}

// definition reads a definition, and says where in the document it is: nil where
// there is none.
func (b *binder) definition(data []byte) (*Definition, path) {
	tree, ok := b.parse(data)
	if !ok {
		return &Definition{}, nil
	}
	if o, ok := tree.(object); ok && o.has("Definition") {
		if b.template(o.member("Definition"), root.member("Definition")) {
			return &Definition{}, nil
		}
		var d document
		b.bind(&d, tree)
		if d.Definition == nil {
			return &Definition{}, nil
		}
		return d.Definition, root.member("Definition")
	}
	if b.template(tree, root) {
		return &Definition{}, nil
	}
	var d Definition
	b.bind(&d, tree)
	return &d, root
}

// template notes the one fault of a template's definition: it has placeholders with
// schemas where a dashboard declares its data sets, so nothing of it can be drawn.
func (b *binder) template(tree any, at path) bool {
	o, _ := tree.(object)
	if !o.has("DataSetConfigurations") || o.has("DataSetIdentifierDeclarations") {
		return false
	}
	b.faultf(at, "this is the definition of a template: it has DataSetConfigurations, and a dashboard declares its data sets by DataSetIdentifierDeclarations")
	return true
}
