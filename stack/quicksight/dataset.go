package quicksight

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// The provider's names are long.
type (
	physicalArgs    = quicksight.DataSetPhysicalTableMapArgs
	relationalArgs  = quicksight.DataSetPhysicalTableMapRelationalTableArgs
	inputColumns    = quicksight.DataSetPhysicalTableMapRelationalTableInputColumnArray
	inputColumnArgs = quicksight.DataSetPhysicalTableMapRelationalTableInputColumnArgs
	logicalArgs     = quicksight.DataSetLogicalTableMapArgs
	transformArray  = quicksight.DataSetLogicalTableMapDataTransformArray
	transformArgs   = quicksight.DataSetLogicalTableMapDataTransformArgs
	projectArgs     = quicksight.DataSetLogicalTableMapDataTransformProjectOperationArgs
	tagArgs         = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationArgs
	tags            = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationTagArray
	oneTagArgs      = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationTagArgs
	descriptionArgs = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationTagColumnDescriptionArgs
)

// viewSet are the actions of a data set's viewer. QuickSight knows sets of actions
// by role, and refuses others.
var viewSet = []string{
	"quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions", "quicksight:PassDataSet",
	"quicksight:DescribeIngestion", "quicksight:ListIngestions",
}

// DataSetArgs gives the arguments of one of the data sets. The viewers may view
// it; nobody may change it but the stack. With files that fail a check the error
// joins what is wrong with them.
func DataSetArgs(s Set, a Args) (*quicksight.DataSetArgs, error) {
	files, err := loaded()
	if err != nil {
		return nil, err
	}
	args := dataSetArgs(files.sets[s], a)
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
	files, err := loaded()
	if err != nil || files.sets[s].ImportMode != types.DataSetImportModeSpice {
		return nil, err
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

// dataSetArgs maps a data set, all but its id. Each member that a DataSetFile can
// have gets into the arguments.
func dataSetArgs(d *definition.DataSetFile, a Args) *quicksight.DataSetArgs {
	args := &quicksight.DataSetArgs{AwsAccountId: pulumi.String(a.Account), Name: pulumi.String(a.label(d.Name)), ImportMode: pulumi.String(d.ImportMode)}
	permissions := quicksight.DataSetPermissionArray{}
	for _, viewer := range a.viewers() {
		permissions = append(permissions, quicksight.DataSetPermissionArgs{Principal: pulumi.String(viewer), Actions: pulumi.ToStringArray(viewSet)})
	}
	args.Permissions = permissions
	var physical quicksight.DataSetPhysicalTableMapArray
	for _, id := range slices.Sorted(maps.Keys(d.PhysicalTableMap)) {
		t := d.PhysicalTableMap[id].RelationalTable
		var columns inputColumns
		for _, c := range t.InputColumns {
			columns = append(columns, inputColumnArgs{Name: pulumi.String(c.Name), Type: pulumi.String(c.Type)})
		}
		table := relationalArgs{DataSourceArn: pulumi.String(a.DataSourceARN()), Schema: pulumi.String(a.Database()), Name: pulumi.String(t.Name), InputColumns: columns}
		if t.Catalog != "" {
			table.Catalog = pulumi.String(t.Catalog)
		}
		physical = append(physical, physicalArgs{PhysicalTableMapId: pulumi.String(id), RelationalTable: table})
	}
	args.PhysicalTableMaps = physical
	if len(d.LogicalTableMap) == 0 {
		return args
	}
	var logical quicksight.DataSetLogicalTableMapArray
	for _, id := range slices.Sorted(maps.Keys(d.LogicalTableMap)) {
		t := d.LogicalTableMap[id]
		table := logicalArgs{
			LogicalTableMapId: pulumi.String(id), Alias: pulumi.String(t.Alias),
			Source: quicksight.DataSetLogicalTableMapSourceArgs{PhysicalTableId: pulumi.String(t.Source.PhysicalTableId)},
		}
		if len(t.DataTransforms) > 0 {
			table.DataTransforms = transforms(t.DataTransforms)
		}
		logical = append(logical, table)
	}
	args.LogicalTableMaps = logical
	return args
}

// transforms maps operations in their order, in which they are done.
func transforms(operations []definition.TransformOperation) (all transformArray) {
	for _, o := range operations {
		var args transformArgs
		switch {
		case o.ProjectOperation != nil:
			args.ProjectOperation = projectArgs{ProjectedColumns: pulumi.ToStringArray(o.ProjectOperation.ProjectedColumns)}
		case o.TagColumnOperation != nil:
			var list tags
			for _, t := range o.TagColumnOperation.Tags {
				var tag oneTagArgs
				if t.ColumnGeographicRole != "" {
					tag.ColumnGeographicRole = pulumi.String(t.ColumnGeographicRole)
				}
				if t.ColumnDescription != nil {
					tag.ColumnDescription = descriptionArgs{Text: pulumi.StringPtrFromPtr(t.ColumnDescription.Text)}
				}
				list = append(list, tag)
			}
			args.TagColumnOperation = tagArgs{ColumnName: pulumi.String(o.TagColumnOperation.ColumnName), Tags: list}
		}
		all = append(all, args)
	}
	return all
}
