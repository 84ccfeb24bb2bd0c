package event

// How events reach the lake. What makes the pipeline, on AWS or on one machine,
// takes it from here.
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
