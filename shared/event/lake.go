package event

import (
	"strings"
)

// How events reach the lake. What makes the pipeline, on AWS or on one machine,
// reads it here.
const (
	// LakeFilter is the filter policy, on message attributes, of the topic's
	// subscription that feeds the lake: what was published without consent
	// never reaches it. A message with some attribute but without this one does.
	LakeFilter = `{"consent":[{"anything-but":["none"]},{"exists":false}]}`
	// LakePrefix begins the keys of the lake's Parquet objects, by the UTC day
	// of arrival, in Firehose's language
	// (https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html).
	LakePrefix = "data/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
	// LakeErrorPrefix begins the keys of what could not be converted.
	LakeErrorPrefix = "errors/!{firehose:error-output-type}/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
)

// Column is a column of a Glue table.
type Column struct {
	Name string
	// Type is the type's name in Hive, such as "struct<id:string>".
	Type string
}

// LakeColumns are the columns of the lake's table, from which Firehose has
// the schema of its Parquet files. Every field of the contract is one, or a
// part of one, since Firehose drops what the table does not name. Instants and
// dates stay strings there, so that no text is lost or refused.
func LakeColumns() []Column {
	columns := make([]Column, len(groups[0]))
	for i, row := range groups[0] {
		columns[i] = Column{fields[row].name, hiveType(row)}
	}
	return columns
}

func hiveType(row int) string {
	switch fields[row].Type {
	case Group:
		parts := make([]string, len(groups[row+1]))
		for i, member := range groups[row+1] {
			parts[i] = fields[member].name + ":" + hiveType(member)
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	case Integer:
		return "int"
	case Number:
		return "double"
	case Boolean:
		return "boolean"
	default:
		return "string"
	}
}
