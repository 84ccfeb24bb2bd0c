module github.com/headcount-etl/headcount/dashboards/quicksight

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2/service/quicksight v1.113.0
	pgregory.net/rapid v1.3.0
)

require github.com/aws/smithy-go v1.28.8 // indirect
