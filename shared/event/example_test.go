package event_test

import (
	"fmt"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
)

const bodyOfAMessage = `
{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57Z","user":{"id":"u-1","birth_date":"1988-01-10","gender":"male"},"position":{"latitude":48.8606,"longitude":2.3376},"consent":{"analytics":true}}
{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6b","occurred_at":"2026-03-01T05:02:03Z","user":{"id":"u-2","birth_date":"1990","gender":"female"},"position":{"latitude":48.8606,"longitude":2.3376},"consent":{"analytics":true}}
this is not JSON
`

// A body is read event by event. What is wrong with one costs the others nothing,
// and is named by category and field, never by value.
func ExampleDecoder() {
	arrival := event.Arrival{At: time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC).UnixMilli()}
	d := event.NewDecoder()
	d.Reset(bodyOfAMessage)
	for d.Next() {
		fault := d.Check(arrival)
		if fault != (event.Fault{}) {
			fmt.Printf("%s %q: %s\n", fault.Category, fault.Field, fault.Reason())
			continue
		}
		fmt.Println("valid:", d.Event().User.Gender, d.Age(), "years, at", d.Event().Position.Latitude, d.Event().Position.Longitude)
	}
	// Output:
	// valid: male 38 years, at 48.8606 2.3376
	// invalid_value "user.birth_date": not a date such as 1988-01-10 on which somebody of 0 to 120 years was born
	// malformed_json "": not one JSON object in UTF-8, with no name twice
}

// Past the masker, an event is a few bytes without a name.
func ExampleDecodeMasked() {
	band, _ := event.ParseAgeBand("35-44")
	masked := event.Masked{Person: event.Person{0xab, 0xcd}, OccurredAt: 1772341317000, Latitude: 48.8606, Longitude: 2.3376, Gender: event.Male, AgeBand: band}
	payload := event.AppendMasked(nil, &masked)

	read, err := event.DecodeMasked(string(payload), nil)
	fmt.Println(len(payload), "bytes,", len(read), "event:", read[0].Gender, read[0].AgeBand, err)

	// By hand, the same is JSON.
	read, err = event.DecodeMasked(`{"person":"abcd0000000000000000000000000000","occurred_at_ms":1772341317000,"latitude":48.8606,"longitude":2.3376,"gender":"male","age_band":"35-44"}`, nil)
	fmt.Println(read[0] == masked, err)
	// Output:
	// 43 bytes, 1 event: male 35-44 <nil>
	// true <nil>
}
