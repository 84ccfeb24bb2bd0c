// Package event is the contract between the app that sends positions and
// everything that reads them. Its Go types are the one source of truth: the
// strict decoder, the lake table's columns, the Parquet schemas and the JSON
// Schema for producers are all derived from the struct tags below.
//
// The tag `rule` of a field lists, separated by commas:
//
//	required           the field must be there, and must not be null
//	is=N               the only integer allowed, however it is written: 1, 1.0 or 10e-1
//	len=MIN..MAX       length of a string in Unicode code points
//	range=MIN..MAX     bounds of a number, both included; MAX may be empty
//	enum=a|b|c         the only strings allowed
//	uuid               8-4-4-4-12 hexadecimal digits, of any version and case
//	instant            RFC 3339 in UTC with a capital Z, 0 to 9 fraction digits
//	date               YYYY-MM-DD in the proleptic Gregorian calendar
//
// The tag `personal` marks a field that names, or helps to find, a person.
package event

// SchemaVersion is the only version of the contract that the decoder accepts.
const SchemaVersion = 1

// maxYears is the greatest age of a user.
const maxYears = 120

// Event is one position of one user, as the app sends it.
type Event struct {
	SchemaVersion int64    `json:"schema_version" rule:"required,is=1"`
	EventID       string   `json:"event_id" rule:"required,uuid"`
	OccurredAt    string   `json:"occurred_at" rule:"required,instant"`
	User          User     `json:"user"`
	Position      Position `json:"position"`
	Device        Device   `json:"device,omitzero"`
	Session       Session  `json:"session,omitzero"`
	Consent       Consent  `json:"consent"`
}

// User is who was there.
type User struct {
	ID        string `json:"id" rule:"required,len=1..128" personal:"true"`
	BirthDate string `json:"birth_date" rule:"required,date" personal:"true"`
	Gender    string `json:"gender" rule:"required,enum=female|male|other|undisclosed"`
	FullName  string `json:"full_name,omitzero" rule:"len=0..200" personal:"true"`
	Email     string `json:"email,omitzero" rule:"len=0..254" personal:"true"`
	Phone     string `json:"phone,omitzero" rule:"len=0..32" personal:"true"`
}

// Position is where the user was: degrees on WGS 84, metres, metres per
// second, and degrees clockwise from true north.
type Position struct {
	Latitude  float64  `json:"latitude" rule:"required,range=-90..90" personal:"true"`
	Longitude float64  `json:"longitude" rule:"required,range=-180..180" personal:"true"`
	AccuracyM *float64 `json:"accuracy_m,omitzero" rule:"range=0.."`
	AltitudeM *float64 `json:"altitude_m,omitzero"`
	SpeedMPS  *float64 `json:"speed_mps,omitzero"`
	HeadingD  *float64 `json:"heading_deg,omitzero"`
}

// Device is what the user carried.
type Device struct {
	ID         string `json:"id,omitzero" rule:"len=0..128" personal:"true"`
	Platform   string `json:"platform,omitzero" rule:"enum=ios|android|web"`
	OSVersion  string `json:"os_version,omitzero" rule:"len=0..128"`
	AppVersion string `json:"app_version,omitzero" rule:"len=0..128"`
	Model      string `json:"model,omitzero" rule:"len=0..128"`
	IPAddress  string `json:"ip_address,omitzero" rule:"len=0..128" personal:"true"`
}

// Session is what the app was doing. The lake keeps it, the masker drops it.
type Session struct {
	ID         string   `json:"id,omitzero" rule:"len=0..128" personal:"true"`
	Screen     string   `json:"screen,omitzero" rule:"len=0..128"`
	Network    string   `json:"network,omitzero" rule:"len=0..128"`
	BatteryPct *float64 `json:"battery_pct,omitzero" rule:"range=0..100"`
}

// Consent is what the user allowed.
type Consent struct {
	Analytics bool `json:"analytics" rule:"required"`
}
