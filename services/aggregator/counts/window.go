// Package counts holds sets of who was near what and when, in little memory,
// and the arithmetic of windows and hours.
//
// A set can be added to in any order, with any repetition, and united with
// others: the outcome depends only on which rows went in. That is what makes
// the counts exact under at-least-once delivery.
package counts

import (
	"fmt"
	"time"
)

const (
	day  = 24 * time.Hour
	hour = int64(time.Hour / time.Millisecond)
)

// Window is the length of the windows of time in which people are counted, in
// milliseconds. Windows follow one another without gaps and begin at the Unix
// epoch; as their length divides a day, one begins at every midnight UTC.
type Window int64

// NewWindow checks a length: 1 s to 24 h, in whole milliseconds, that divides a
// day.
func NewWindow(length time.Duration) (Window, error) {
	if length < time.Second || length > day || length%time.Millisecond != 0 || day%length != 0 {
		return 0, fmt.Errorf("a window of %v does not divide a day into windows of 1s to 24h", length)
	}
	return Window(length.Milliseconds()), nil
}

// Start gives the start of the window in which an instant lies. Both are in
// milliseconds since the Unix epoch, and may be negative.
func (w Window) Start(instant int64) int64 { return floor(instant, int64(w)) }

// End gives the end of the window that starts there, which is the first instant
// outside it.
func (w Window) End(start int64) int64 { return start + int64(w) }

// Duration gives the length.
func (w Window) Duration() time.Duration { return time.Duration(w) * time.Millisecond }

// floor rounds down to a multiple.
func floor(v, step int64) int64 {
	rest := v % step
	if rest < 0 {
		rest += step
	}
	return v - rest
}

// Hour is an hour of UTC: the number of hours since the Unix epoch. Windows are
// stored by the hour in which they start.
type Hour int64

// HourOf gives the hour in which an instant, in milliseconds since the Unix
// epoch, lies.
func HourOf(instant int64) Hour { return Hour(floor(instant, hour) / hour) }

// Start gives the first instant of the hour in milliseconds since the Unix
// epoch.
func (h Hour) Start() int64 { return int64(h) * hour }

const hourLayout = "2006-01-02T15"

// Time gives the first instant of the hour, in UTC.
func (h Hour) Time() time.Time { return time.UnixMilli(h.Start()).UTC() }

// String gives the hour in the way of 2026-11-23T13.
func (h Hour) String() string { return h.Time().Format(hourLayout) }

// ParseHour reads what String writes, for the years 0 to 9999.
func ParseHour(text string) (Hour, error) {
	t, err := time.Parse(hourLayout, text)
	if err != nil || t.Format(hourLayout) != text {
		return 0, fmt.Errorf("%q is not an hour like 2006-01-02T15", text)
	}
	return HourOf(t.UnixMilli()), nil
}

// windows gives the start of the first window that starts in the hour, and how
// many do. A window need not divide an hour: of 16 minutes, one starts at 00:48
// and the next at 01:04.
func (h Hour) windows(w Window) (first int64, n int) {
	first = floor(h.Start()+int64(w)-1, int64(w))
	end := h.Start() + hour
	if first >= end {
		return first, 0
	}
	return first, int((end-first-1)/int64(w)) + 1
}
