package event

import "time"

type date struct{ year, month, day int }

var monthDays = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

// parseDate reads YYYY-MM-DD, a day that exists.
func parseDate(s string) (date, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return date{}, false
	}
	y, ok1 := digits(s[:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:])
	if !ok1 || !ok2 || !ok3 || m < 1 || m > 12 || d < 1 {
		return date{}, false
	}
	last := monthDays[m-1]
	if m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		last = 29
	}
	return date{y, m, d}, d <= last
}

// parseInstant reads RFC 3339 in UTC: YYYY-MM-DDThh:mm:ss, 1 to 9 fraction
// digits or none, and a capital Z. It gives the milliseconds since the Unix
// epoch, rounded down, and whether the instant lies after that millisecond. A
// leap second is refused: the epoch has no place for it.
func parseInstant(s string) (day date, ms int64, after, ok bool) {
	if len(s) < 20 || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return date{}, 0, false, false
	}
	day, ok = parseDate(s[:10])
	hour, ok1 := digits(s[11:13])
	minute, ok2 := digits(s[14:16])
	second, ok3 := digits(s[17:19])
	if !ok || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return date{}, 0, false, false
	}
	ms = time.Date(day.year, time.Month(day.month), day.day, hour, minute, second, 0, time.UTC).UnixMilli()
	if fraction := s[19 : len(s)-1]; fraction != "" {
		if fraction[0] != '.' || len(fraction) < 2 || len(fraction) > 10 {
			return date{}, 0, false, false
		}
		n, isNumber := digits(fraction[1:])
		if !isNumber {
			return date{}, 0, false, false
		}
		for i := len(fraction); i < 10; i++ {
			n *= 10
		}
		ms += int64(n / 1_000_000)
		after = n%1_000_000 != 0
	}
	return day, ms, after, true
}

// ageAt gives the full years from birth to a day; negative before birth.
func ageAt(birth, day date) int {
	age := day.year - birth.year
	if day.month < birth.month || day.month == birth.month && day.day < birth.day {
		age--
	}
	return age
}

// isUUID reports whether s is 8-4-4-4-12 hexadecimal digits.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !isHex(c):
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c-'0' <= 9 || c|0x20-'a' <= 5
}
