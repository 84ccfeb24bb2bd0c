package sqs

import "fmt"

// Error is a refusal in SQS's own terms.
type Error struct {
	// Code is the name of the error in the JSON protocol, as the SDKs' types
	// are called: QueueDoesNotExist, InvalidParameterValue and so on.
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes of the errors that this package answers. The list of AWS is in the
// API reference of SQS, under each action.
const (
	BatchEntryIDsNotDistinct     = "BatchEntryIdsNotDistinct"
	BatchRequestTooLong          = "BatchRequestTooLong"
	EmptyBatchRequest            = "EmptyBatchRequest"
	InvalidAttributeName         = "InvalidAttributeName"
	InvalidAttributeValue        = "InvalidAttributeValue"
	InvalidBatchEntryID          = "InvalidBatchEntryId"
	InvalidMessageContents       = "InvalidMessageContents"
	InvalidParameterValue        = "InvalidParameterValue"
	MissingParameter             = "MissingParameter"
	OverLimit                    = "OverLimit"
	QueueDoesNotExist            = "QueueDoesNotExist"
	QueueNameExists              = "QueueNameExists"
	ReceiptHandleIsInvalid       = "ReceiptHandleIsInvalid"
	TooManyEntriesInBatchRequest = "TooManyEntriesInBatchRequest"
	UnsupportedOperation         = "UnsupportedOperation"
)

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// wireType gives the `__type` of the JSON protocol. Two faults come from the
// framework in front of SQS and have its namespace.
func (e *Error) wireType() string {
	switch e.Code {
	case InvalidParameterValue:
		return "com.amazon.coral.service#InvalidParameterValueException"
	case MissingParameter:
		return "com.amazon.coral.service#MissingRequiredParameterException"
	default:
		return "com.amazonaws.sqs#" + e.Code
	}
}

// queryCode gives the code that the older query protocol had for this error:
// AWS still sends it in the header x-amzn-query-error, and the SDKs still show
// it to their users.
func (e *Error) queryCode() string {
	const namespace = "AWS.SimpleQueueService."
	switch e.Code {
	case QueueDoesNotExist:
		return namespace + "NonExistentQueue"
	case QueueNameExists:
		return "QueueAlreadyExists"
	case BatchEntryIDsNotDistinct, BatchRequestTooLong, EmptyBatchRequest, InvalidBatchEntryID,
		TooManyEntriesInBatchRequest, UnsupportedOperation:
		return namespace + e.Code
	default:
		return e.Code
	}
}
