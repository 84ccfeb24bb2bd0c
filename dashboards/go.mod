module github.com/headcount-etl/headcount/dashboards

go 1.26.0

require github.com/aws/aws-sdk-go-v2/service/quicksight v1.113.0

require github.com/aws/smithy-go v1.28.8 // indirect
