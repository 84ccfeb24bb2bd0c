package definition

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// DataSetFile is a data set as CreateDataSet takes it, without the account.
type DataSetFile struct {
	ColumnGroups                       []types.ColumnGroup
	ColumnLevelPermissionRules         []types.ColumnLevelPermissionRule
	DataPrepConfiguration              *types.DataPrepConfiguration
	DataSetId                          *string //nolint:revive // the API's name
	DataSetUsageConfiguration          *types.DataSetUsageConfiguration
	DatasetParameters                  []types.DatasetParameter
	FieldFolders                       map[string]types.FieldFolder
	FolderArns                         []string
	ImportMode                         types.DataSetImportMode
	LogicalTableMap                    map[string]types.LogicalTable
	Name                               *string
	PerformanceConfiguration           *types.PerformanceConfiguration
	Permissions                        []types.ResourcePermission
	PhysicalTableMap                   map[string]types.PhysicalTable
	RowLevelPermissionDataSet          *types.RowLevelPermissionDataSet
	RowLevelPermissionTagConfiguration *types.RowLevelPermissionTagConfiguration
	SemanticModelConfiguration         *types.SemanticModelConfiguration
	Tags                               []types.Tag
	UseAs                              types.DataSetUseAs

	file string
}

// DecodeDataSet reads a data set as CreateDataSet takes it, as strictly as Decode.
// The data set is never nil.
func DecodeDataSet(file string, data []byte) (*DataSetFile, []Fault) {
	b := binder{file: file}
	d := &DataSetFile{file: file}
	if tree, ok := b.parse(data); ok {
		b.bind(d, tree)
	}
	return d, b.sorted()
}
