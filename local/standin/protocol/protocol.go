// Package protocol has what the stand-in's services share of AWS's protocols:
// refusals by their codes, names, batches, and the JSON protocol. It knows no
// service.
package protocol

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// Region and Account are what every name in the stand-in belongs to.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

// ARN gives the Amazon resource name of what a service has under the name.
func ARN(service, name string) string {
	return "arn:aws:" + service + ":" + Region + ":" + Account + ":" + name
}

// Error is a refusal in AWS's own terms.
type Error struct {
	// Code is the error's name in the API reference of the service, without a
	// namespace: QueueDoesNotExist, InvalidParameter and so on.
	Code    string
	Message string
	// Status is that of the HTTP answer; 0 means 400.
	Status int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus is the status of the answer.
func (e *Error) HTTPStatus() int { return cmp.Or(e.Status, http.StatusBadRequest) }

// Side says whose fault it is, as AWS writes it: of the Sender, or of the Receiver,
// where the same request may succeed later.
func (e *Error) Side() string {
	if e.Status == http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// Refuse makes a refusal with the status 400.
func Refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing makes the refusal of what the stand-in does not have, such as "sqs
// TagQueue".
func Missing(code, what string) *Error {
	return &Error{Code: code, Message: "headcount's stand-in has no " + what + ".", Status: http.StatusNotImplemented}
}

// As gives the refusal in err. Any other error is one of this machine, or of the
// connection.
func As(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return &Error{Code: "InternalError", Message: err.Error(), Status: http.StatusInternalServerError}
}

// MaxBatchEntries is the limit of SQS and SNS.
const MaxBatchEntries = 10

// The refusals of a batch.
const (
	BatchEntryIDsNotDistinct     = "BatchEntryIdsNotDistinct"
	BatchRequestTooLong          = "BatchRequestTooLong"
	EmptyBatchRequest            = "EmptyBatchRequest"
	InvalidBatchEntryID          = "InvalidBatchEntryId"
	TooManyEntriesInBatchRequest = "TooManyEntriesInBatchRequest"
)

// CheckBatch applies the rules that all batches of SQS and SNS have: 1 to 10
// entries, each with an id of its own, and at most so many bytes.
func CheckBatch(ids []string, size, maxBytes int) error {
	switch {
	case len(ids) == 0:
		return Refuse(EmptyBatchRequest, "There should be at least one entry in the request.")
	case len(ids) > MaxBatchEntries:
		return Refuse(TooManyEntriesInBatchRequest, "Maximum number of entries per request are %d. You have sent %d.", MaxBatchEntries, len(ids))
	case size > maxBytes:
		return Refuse(BatchRequestTooLong, "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBytes, size)
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !IsName(id, 80) {
			return Refuse(InvalidBatchEntryID,
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return Refuse(BatchEntryIDsNotDistinct, "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// IsName reports whether the text can name a queue, a topic or an entry of a batch:
// 1 to most letters and digits of ASCII, hyphens and underscores.
func IsName(text string, most int) bool { return len(text) <= most && name.MatchString(text) }

var name = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Page gives those of the sorted names that come after the page before, at most so
// many. Its token, and that of the next page, is its last name; empty for the first
// page, and after the last one.
func Page(names []string, token string, limit int) (page []string, next string, err error) {
	last, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return nil, "", fmt.Errorf("read the token: %w", err)
	}
	i, found := slices.BinarySearch(names, string(last))
	if found {
		i++
	}
	if page = names[i:]; len(page) > limit {
		page = page[:limit]
		next = base64.URLEncoding.EncodeToString([]byte(page[limit-1]))
	}
	return page, next, nil
}
