package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"github.com/headcount-etl/headcount/shared/event"
)

// person is one user of the app.
type person struct {
	number int
	rng    *rand.Rand
	// whim decides about gatherings, so that who goes to none sends what they would
	// send without them.
	whim *rand.Rand
	next int64 // when the next event is sent, in microseconds since the epoch

	home, work point
	leg        leg
	blur       point // the present error of the position

	event   event.Event // what was sent last
	layout  string      // how this app writes instants
	network string      // when there is no wifi

	// What the event's optional numbers point to.
	accuracy, altitude, speed, heading, battery float64
}

// ages are the first years of bands of ages, with the share of people in each.
var (
	ages      = [][2]int{{13, 17}, {18, 24}, {25, 34}, {35, 44}, {45, 54}, {55, 64}, {65, 79}, {80, 97}}
	ageShares = []float64{6, 17, 26, 20, 14, 9, 6.5, 1.5}
)

var genderShares = []float64{event.Female: 0.48, event.Male: 0.47, event.Other: 0.02, event.Undisclosed: 0.03}

// names are common ones in many scripts, and with many marks; the people are not
// real.
var names = [2][]string{
	event.Female: {
		"Chloé Lefèvre", "Léa Gauthier", "Inès Béranger", "Maëlle Durand", "Hélène Châtelain", "Zoé Saint-Éloi", "Agnès L'Hôte", "Françoise Muñoz",
		"Łucja Nowak", "Şebnem Öztürk", "Þórdís Ångström", "Ngọc Nguyễn", "Núria Gonçalves", "Zuzanna Szűcs", "Мария Шевченко", "Ольга Кравчук",
		"Ελένη Παπαδάκη", "Σοφία Αγγέλου", "فاطمة العلوي", "مريم بن علي", "נועה כהן", "תמר מזרחי", "प्रिया शर्मा", "अनन्या पटेल", "王雅婷", "欧阳丽华",
		"たなか さくら", "サトウ ミユ", "김서연", "박지우", "สมหญิง ใจดี", "มาลี ศรีสุข",
	},
	event.Male: {
		"Noël Perrin", "Jérôme Lefèvre", "François Gauthier", "Théo Béranger", "Loïc Durand", "Étienne Châtelain", "Gaël Saint-Éloi", "Rémi L'Hôte",
		"Søren Ångström", "Çağlar Öztürk", "Łukasz Nowak", "Đức Nguyễn", "João Gonçalves", "Håkon Ó Briain", "Иван Павленко", "Дмитрий Бондаренко",
		"Γιώργος Νικολάου", "Νίκος Οικονόμου", "محمد حداد", "يوسف منصور", "דוד לוי", "איתי פרץ", "राहुल वर्मा", "अर्जुन गुप्ता", "李伟", "陈志强",
		"すずき たろう", "やまもと ケンジ", "이민준", "최도윤", "สมชาย บุญมี", "อนันต์ ใจดี",
	},
}

var nicknames = []string{"flaneur", "sunny", "nightowl", "baguette", "walker", "metro", "pixel", "moineau"}

func notInWords(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }

var layouts = []string{
	"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05.000Z",
	"2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05.000000000Z",
}

// screens are what the app shows; the first three to those who stay, the last
// three to those who move.
var screens = []string{"feed", "search", "map", "navigation", "nearby"}

// models are devices: platform, model, and version of the system.
var models = []string{
	"ios/iPhone 13/17.6.1", "ios/iPhone 14 Pro/18.2", "ios/iPhone 15/18.3.1", "ios/iPhone SE/16.7", "android/Pixel 8/15", "android/Galaxy S23/14",
	"android/Galaxy A54/14", "android/Redmi Note 12/13", "android/Fairphone 5/13", "web/Firefox/128.0",
}

// newPerson makes the person of that number, at home, at work or out as befits
// the time of day.
func (c *City) newPerson(number int) *person {
	//nolint:gosec // A simulation needs a seed, not secrecy.
	rng, whim := rand.New(rand.NewPCG(c.config.Seed, uint64(number))), rand.New(rand.NewPCG(^c.config.Seed, uint64(number)))
	p := &person{number: number, rng: rng, whim: whim, accuracy: round(between(rng, 4, 20), 10)}
	start := c.config.Start.UnixMicro()
	p.next = start + int64(rng.Float64()*float64(c.config.Interval.Microseconds()))

	p.home = scatter(rng, 2800, 6500)
	p.work = somePlace(rng, c.places).plus(scatter(rng, 350, 900))
	if rng.Float64() < 0.35 { // a visitor, in a hotel
		p.home = somePlace(rng, c.places).plus(scatter(rng, 500, 1500))
	}
	p.identify(c.config.Start)
	p.event.Consent.Analytics = rng.Float64() >= c.config.NoConsentShare
	p.equip()

	// The simulation starts in the middle of a stay, or of the way to one.
	p.leg.to = p.home
	p.leg = p.nextLeg(c.places, start)
	back := int64(rng.Float64() * float64(p.leg.leave-start))
	p.leg.start, p.leg.arrive, p.leg.leave = p.leg.start-back, p.leg.arrive-back, p.leg.leave-back
	p.newSession()
	return p
}

// identify gives the person a name, an age and a gender.
func (p *person) identify(start time.Time) {
	rng, u := p.rng, &p.event.User
	years := ages[weighted(rng, ageShares)]
	born := start.AddDate(-years[0]-rng.IntN(years[1]-years[0]+1), 0, -rng.IntN(365))
	gender := event.Gender(weighted(rng, genderShares)) //nolint:gosec // One of four.

	p.event.SchemaVersion = event.SchemaVersion
	u.ID = fmt.Sprintf("u-%012x", rng.Uint64()>>16)
	u.BirthDate = born.Format(time.DateOnly)
	u.Gender = gender.String()
	list := names[rng.IntN(2)]
	if gender == event.Female || gender == event.Male {
		list = names[gender]
	}
	name := pick(rng, list)
	if rng.Float64() < 0.92 {
		u.FullName = name
	}
	if rng.Float64() < 0.85 {
		mailbox := pick(rng, nicknames)
		if rng.IntN(2) == 0 { // in its own script, which RFC 6531 allows
			mailbox = strings.ToLower(strings.Join(strings.FieldsFunc(name, notInWords), "."))
		}
		u.Email = fmt.Sprintf("%s%d@%s", mailbox, rng.IntN(10000), pick(rng, []string{"example.com", "example.org", "example.net"}))
	}
	if rng.Float64() < 0.7 { // from ranges that France and the United States keep for fiction
		u.Phone = fmt.Sprintf(pick(rng, []string{"+33 6 39 98 %02d %02d", "+1 202-555-01%02[2]d"}), rng.IntN(100), rng.IntN(100))
	}
}

// equip gives the person a phone or a browser, and decides which of the
// optional fields it sends.
func (p *person) equip() {
	rng, e := p.rng, &p.event
	model := strings.Split(pick(rng, models), "/")
	p.layout = pick(rng, layouts)
	p.network = pick(rng, []string{"4g", "5g", "5g"})
	p.battery = round(between(rng, 20, 100), 1e2)
	if model[0] != "web" {
		p.altitude = round(between(rng, 30, 60), 10)
		e.Position.AltitudeM, e.Position.SpeedMPS, e.Position.HeadingD = &p.altitude, &p.speed, &p.heading
	}
	e.Position.AccuracyM = &p.accuracy
	if rng.Float64() < 0.95 {
		e.Device = event.Device{
			ID: newUUID(rng), Platform: model[0], OSVersion: model[2], Model: model[1],
			AppVersion: fmt.Sprintf("%d.%d.%d", 4+rng.IntN(2), rng.IntN(12), rng.IntN(4)),
			IPAddress:  address(rng),
		}
	}
	if rng.Float64() < 0.9 {
		e.Session.BatteryPct = &p.battery
	}
}

// newSession starts a session of the app, where the app has such a thing.
func (p *person) newSession() {
	if p.event.Session.BatteryPct != nil {
		p.event.Session.ID = fmt.Sprintf("s-%08x", p.rng.Uint32())
	}
}

func address(rng *rand.Rand) string {
	if rng.IntN(5) == 0 {
		return fmt.Sprintf("2001:db8:%x::%x", rng.IntN(1<<16), 1+rng.IntN(1<<16-1))
	}
	return fmt.Sprintf("%s.%d", pick(rng, []string{"192.0.2", "198.51.100", "203.0.113"}), 1+rng.IntN(254))
}

// newUUID makes a UUID of version 4 (RFC 9562) from the person's numbers.
func newUUID(rng *rand.Rand) string {
	high, low := rng.Uint64()&^0xf000|0x4000, rng.Uint64()>>2|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}
