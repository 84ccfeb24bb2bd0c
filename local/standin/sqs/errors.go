package sqs

import "github.com/headcount-etl/headcount/local/standin/protocol"

// The codes of the errors that this package answers, besides those of a batch. The
// list of AWS is in the API reference of SQS, under each action.
const (
	InvalidAttributeName   = "InvalidAttributeName"
	InvalidAttributeValue  = "InvalidAttributeValue"
	InvalidMessageContents = "InvalidMessageContents"
	InvalidParameterValue  = "InvalidParameterValue"
	MissingParameter       = "MissingParameter"
	OverLimit              = "OverLimit"
	QueueDoesNotExist      = "QueueDoesNotExist"
	QueueNameExists        = "QueueNameExists"
	ReceiptHandleIsInvalid = "ReceiptHandleIsInvalid"
	UnsupportedOperation   = "UnsupportedOperation"
)

// invalid refuses the value of a parameter.
func invalid(format string, args ...any) *protocol.Error {
	return protocol.Refuse(InvalidParameterValue, format, args...)
}

// names gives the `__type` of the JSON protocol, and what AWS still sends in the
// header x-amzn-query-error. Two faults come from the framework in front of SQS and
// have its namespace.
func names(e *protocol.Error) (errorType, queryError string) {
	errorType = "com.amazonaws.sqs#" + e.Code
	switch e.Code {
	case InvalidParameterValue:
		errorType = "com.amazon.coral.service#InvalidParameterValueException"
	case MissingParameter:
		errorType = "com.amazon.coral.service#MissingRequiredParameterException"
	}
	return errorType, queryCode(e.Code) + ";" + e.Side()
}

// queryCode gives the code that the older query protocol had for this error: the
// SDKs still show it to their users.
func queryCode(code string) string {
	const namespace = "AWS.SimpleQueueService."
	switch code {
	case QueueDoesNotExist:
		return namespace + "NonExistentQueue"
	case QueueNameExists:
		return "QueueAlreadyExists"
	case protocol.BatchEntryIDsNotDistinct, protocol.BatchRequestTooLong, protocol.EmptyBatchRequest, protocol.InvalidBatchEntryID,
		protocol.TooManyEntriesInBatchRequest, UnsupportedOperation:
		return namespace + code
	}
	return code
}
