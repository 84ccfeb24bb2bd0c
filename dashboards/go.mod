module github.com/headcount-etl/headcount/dashboards

go 1.26.0

require github.com/aws/aws-sdk-go-v2/service/quicksight v1.113.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/headcount-etl/headcount/services/aggregator v0.0.0
	github.com/headcount-etl/headcount/shared v0.0.0
	pgregory.net/rapid v1.3.0 // indirect
)

replace github.com/headcount-etl/headcount/shared => ../shared

replace github.com/headcount-etl/headcount/services/aggregator => ../services/aggregator
