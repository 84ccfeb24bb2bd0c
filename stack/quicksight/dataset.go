package quicksight

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/dashboards"
)

// dataSet is what the stack passes on of a data set: each member of it, and of
// what is in it, gets into DataSetArgs. A member of a file that has no field here
// is a fault, so that nothing is left out in silence. Which of them must be there
// is for definition.DecodeDataSet to say.
type dataSet struct {
	DataSetId                 string //nolint:revive // the API's name
	Name                      string
	ImportMode                string
	PhysicalTableMap          map[string]physicalTable
	LogicalTableMap           map[string]logicalTable
	ColumnGroups              []columnGroup
	FieldFolders              map[string]fieldFolder
	DataSetUsageConfiguration *struct{ DisableUseAsDirectQuerySource, DisableUseAsImportedSource *bool }
}

// physicalTable is one of our views. Queries (CustomSql) would hide from the
// views' test what they read.
type physicalTable struct{ RelationalTable *relationalTable }

type relationalTable struct {
	DataSourceArn, Catalog, Schema, Name string
	InputColumns                         []inputColumn
}

type inputColumn struct{ Name, Type string }

type logicalTable struct {
	Alias          string
	Source         logicalSource
	DataTransforms []transform
}

type logicalSource struct {
	PhysicalTableId *string //nolint:revive // the API's name
	JoinInstruction *joinInstruction
}

type joinInstruction struct {
	LeftOperand, RightOperand, Type, OnClause     string
	LeftJoinKeyProperties, RightJoinKeyProperties *struct{ UniqueKey *bool }
}

// transform is an operation: one of the members is set.
type transform struct {
	ProjectOperation        *struct{ ProjectedColumns []string }
	FilterOperation         *struct{ ConditionExpression string }
	CreateColumnsOperation  *struct{ Columns []calculatedColumn }
	RenameColumnOperation   *struct{ ColumnName, NewColumnName string }
	CastColumnTypeOperation *struct {
		ColumnName, NewColumnType string
		Format                    *string
	}
	TagColumnOperation *struct {
		ColumnName string
		Tags       []columnTag
	}
	UntagColumnOperation *struct {
		ColumnName string
		TagNames   []string
	}
}

type calculatedColumn struct{ ColumnId, ColumnName, Expression string } //nolint:revive // the API's name

type columnTag struct {
	ColumnGeographicRole *string
	ColumnDescription    *struct{ Text *string }
}

type columnGroup struct {
	GeoSpatialColumnGroup *struct {
		Name, CountryCode string
		Columns           []string
	}
}

type fieldFolder struct {
	Description *string
	Columns     []string
}

// viewSet are the actions of a data set's viewer. QuickSight knows sets of actions
// by role, and refuses others.
var viewSet = []string{
	"quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions", "quicksight:PassDataSet",
	"quicksight:DescribeIngestion", "quicksight:ListIngestions",
}

// DataSetArgs gives the arguments of one of the data sets, on the data source of
// the ARN. The viewers may view it; nobody may change it but the stack. With
// files that fail a check the error joins what is wrong with them.
func DataSetArgs(s Set, a Args, dataSourceARN pulumi.StringInput) (*quicksight.DataSetArgs, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	loaded, err := load(dashboards.Files)
	if err != nil {
		return nil, err
	}
	args := dataSetArgs(loaded.sets[s], a, dataSourceARN)
	args.DataSetId = pulumi.String(a.DataSetID(s))
	return args, nil
}

// RefreshScheduleArgs gives the arguments of the refresh of one of the data sets,
// which has the id; nil where the data set is queried directly.
//
// The refresh is a full one, daily at 04:00 UTC. Each one reads all days that it
// imports (views.ImportedDays), so that hourly would cost 24 times as much; what
// must be of this minute is in the data set that is queried directly. An
// incremental refresh would be cheaper, but it is a refresh of some rows, within a
// time window
// (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_RefreshSchedule.html):
// older rows would stay, also when they are of no imported day any more or have
// left the lake.
func RefreshScheduleArgs(s Set, a Args, dataSetID pulumi.StringInput) (*quicksight.RefreshScheduleArgs, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	loaded, err := load(dashboards.Files)
	if err != nil {
		return nil, err
	}
	if loaded.sets[s].ImportMode != "SPICE" {
		return nil, nil
	}
	return &quicksight.RefreshScheduleArgs{
		AwsAccountId: pulumi.String(a.Account),
		DataSetId:    dataSetID,
		ScheduleId:   pulumi.String("daily"),
		Schedule: quicksight.RefreshScheduleScheduleArgs{
			RefreshType: pulumi.String("FULL_REFRESH"),
			ScheduleFrequency: quicksight.RefreshScheduleScheduleScheduleFrequencyArgs{
				Interval: pulumi.String("DAILY"), TimeOfTheDay: pulumi.String("04:00"), Timezone: pulumi.String("UTC"),
			},
		},
	}, nil
}

// dataSetArgs maps a data set, all but its id.
func dataSetArgs(d *dataSet, a Args, dataSourceARN pulumi.StringInput) *quicksight.DataSetArgs {
	permissions := quicksight.DataSetPermissionArray{}
	for _, viewer := range a.viewers() {
		permissions = append(permissions, quicksight.DataSetPermissionArgs{Principal: pulumi.String(viewer), Actions: pulumi.ToStringArray(viewSet)})
	}
	args := &quicksight.DataSetArgs{
		AwsAccountId: pulumi.String(a.Account),
		Name:         pulumi.String(a.label(d.Name)),
		ImportMode:   pulumi.String(d.ImportMode),
		Permissions:  permissions,
	}
	if u := d.DataSetUsageConfiguration; u != nil {
		args.DataSetUsageConfiguration = quicksight.DataSetDataSetUsageConfigurationArgs{
			DisableUseAsDirectQuerySource: pulumi.BoolPtrFromPtr(u.DisableUseAsDirectQuerySource),
			DisableUseAsImportedSource:    pulumi.BoolPtrFromPtr(u.DisableUseAsImportedSource),
		}
	}
	args.PhysicalTableMaps = physicalTables(d, a, dataSourceARN)
	if len(d.LogicalTableMap) > 0 {
		args.LogicalTableMaps = logicalTables(d)
	}
	if len(d.ColumnGroups) > 0 {
		args.ColumnGroups = columnGroups(d)
	}
	if len(d.FieldFolders) > 0 {
		args.FieldFolders = fieldFolders(d)
	}
	return args
}

func physicalTables(d *dataSet, a Args, dataSourceARN pulumi.StringInput) quicksight.DataSetPhysicalTableMapArray {
	var tables quicksight.DataSetPhysicalTableMapArray
	for _, id := range slices.Sorted(maps.Keys(d.PhysicalTableMap)) {
		t := d.PhysicalTableMap[id].RelationalTable
		var columns quicksight.DataSetPhysicalTableMapRelationalTableInputColumnArray
		for _, c := range t.InputColumns {
			columns = append(columns, quicksight.DataSetPhysicalTableMapRelationalTableInputColumnArgs{
				Name: pulumi.String(c.Name), Type: pulumi.String(c.Type),
			})
		}
		tables = append(tables, quicksight.DataSetPhysicalTableMapArgs{
			PhysicalTableMapId: pulumi.String(id),
			RelationalTable: quicksight.DataSetPhysicalTableMapRelationalTableArgs{
				DataSourceArn: dataSourceARN, Catalog: optional(t.Catalog), Schema: pulumi.String(a.Database),
				Name: pulumi.String(t.Name), InputColumns: columns,
			},
		})
	}
	return tables
}

func columnGroups(d *dataSet) quicksight.DataSetColumnGroupArray {
	var groups quicksight.DataSetColumnGroupArray
	for _, g := range d.ColumnGroups {
		groups = append(groups, quicksight.DataSetColumnGroupArgs{
			GeoSpatialColumnGroup: quicksight.DataSetColumnGroupGeoSpatialColumnGroupArgs{
				Name:        pulumi.String(g.GeoSpatialColumnGroup.Name),
				CountryCode: pulumi.String(g.GeoSpatialColumnGroup.CountryCode),
				Columns:     pulumi.ToStringArray(g.GeoSpatialColumnGroup.Columns),
			},
		})
	}
	return groups
}

func fieldFolders(d *dataSet) quicksight.DataSetFieldFolderArray {
	var folders quicksight.DataSetFieldFolderArray
	for _, id := range slices.Sorted(maps.Keys(d.FieldFolders)) {
		f := d.FieldFolders[id]
		folders = append(folders, quicksight.DataSetFieldFolderArgs{
			FieldFoldersId: pulumi.String(id),
			Description:    pulumi.StringPtrFromPtr(f.Description),
			Columns:        pulumi.ToStringArray(f.Columns),
		})
	}
	return folders
}

// optional leaves an empty text out.
func optional(text string) pulumi.StringPtrInput {
	if text == "" {
		return nil
	}
	return pulumi.String(text)
}
