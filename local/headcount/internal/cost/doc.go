package cost

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

// Path is where the document stands in the repository.
const Path = "docs/cost.md"

//go:embed cost.md.tmpl
var documentText string

// Loads are those that the document tells of.
var Loads = []Load{{1, 1}, {1, Many}, {100, 1}, {100, Many}, {10_000, 1}, {10_000, Many}}

// services are the columns of a bill; what is in none of them is "other".
var services = []string{"Fargate", "Network", "CloudWatch", "SNS", "Firehose", "SQS", "S3", "Glue"}

// Document writes docs/cost.md: a pure function of the counts, the prices and
// the stacks.
func Document(c Counted, p Prices, stacks []Stack) ([]byte, error) {
	d := document{Counted: c, Prices: p, Services: services}
	for _, s := range stacks {
		view, err := d.stack(s)
		if err != nil {
			return nil, fmt.Errorf("stack %s: %w", s.Name, err)
		}
		d.Stacks = append(d.Stacks, view)
	}
	for _, f := range c.Full {
		d.Hops = append(d.Hops, hops(f)...)
	}
	for _, paced := range c.Paced {
		d.Checks = append(d.Checks, checkView{paced, c.Checks(paced)})
	}
	if f, ok := c.run(1); ok {
		d.Faults = float64(f.Quarantined) / float64(f.Events) * 100
	}
	t, err := template.New(Path).Funcs(template.FuncMap{
		"usd": dollars, "num": number, "cell": func(s string) string { return strings.ReplaceAll(s, "|", "\\|") },
	}).Parse(documentText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, d)
	return out.Bytes(), err
}

type document struct {
	Counted  Counted
	Prices   Prices
	Services []string
	Stacks   []stackView
	Hops     []hopView
	Checks   []checkView
	Faults   float64 // per cent
}

type checkView struct {
	Paced
	Rows []Check
}

type stackView struct {
	Stack
	Idle      []itemView
	IdleDay   float64
	Rows      []rowView
	Elsewhere string
}

type itemView struct {
	Service string
	Day     float64
}

type rowView struct {
	Load
	Columns    []float64
	Month      float64
	PerMillion float64
	// OtherMonth is in Regions' other region.
	OtherMonth float64
	Tasks      [3]int
	TooMany    bool
}

// stack prices a stack, idle and at all loads.
func (d *document) stack(s Stack) (view stackView, err error) {
	view.Stack = s
	for _, region := range Regions {
		if region != s.Region {
			view.Elsewhere = region
		}
	}
	idle, err := d.Prices.Bill(s.Region, Idle(s))
	if err != nil {
		return view, err
	}
	view.IdleDay = idle.Total() / daysInMonth
	for _, name := range append(services, "other") {
		view.Idle = append(view.Idle, itemView{name, column(idle, name) / daysInMonth})
	}
	for _, l := range Loads {
		uses, err := Steady(s, d.Counted, l)
		if err != nil {
			return view, err
		}
		bill, err := d.Prices.Bill(s.Region, uses)
		if err != nil {
			return view, err
		}
		elsewhere, err := d.Prices.Bill(view.Elsewhere, uses)
		if err != nil {
			return view, err
		}
		full, _ := d.Counted.run(l.PerMessage)
		row := rowView{Load: l, Month: bill.Total(), OtherMonth: elsewhere.Total(), Tasks: tasksFor(l, full.sizes(), s.Flows[0])}
		row.PerMillion = row.Month / (l.EventsPerSecond * month / 1e6)
		for _, name := range append(services, "other") {
			row.Columns = append(row.Columns, column(bill, name))
		}
		for i, n := range row.Tasks {
			row.TooMany = row.TooMany || n > s.Flows[0][i].Max
		}
		view.Rows = append(view.Rows, row)
	}
	return view, nil
}

// column sums a service's part of a bill; "other" is what has no column.
func column(b Bill, name string) float64 {
	by := b.ByService()
	if name != "other" {
		return by[name]
	}
	rest := b.Total()
	for _, service := range services {
		rest -= by[service]
	}
	return max(rest, 0)
}

// hopView is what a run used at one place, for a million events.
type hopView struct {
	PerMessage                 int
	What                       string
	Requests, Units, Megabytes float64
}

// hops lists what a run at full speed used.
func hops(f Full) []hopView {
	var list []hopView
	for _, h := range []struct{ what, service, operation, resource string }{
		{"publish to SNS", "sns", "PublishBatch", "-events"},
		{"SNS delivers to SQS, free", "sns", "deliver sqs", "-events"},
		{"SNS delivers to Firehose", "sns", "deliver firehose", "-events"},
		{"records in Firehose, units of 5 KB", "firehose", "*", ""},
		{"objects in the lake", "s3", "PutObject", "/data"},
		{"records not converted", "s3", "PutObject", "/errors"},
		{"validator receives", "sqs", "ReceiveMessage", "-ingest"},
		{"validator deletes", "sqs", "DeleteMessageBatch", "-ingest"},
		{"validator sends", "sqs", "SendMessageBatch", "-valid"},
		{"objects in the quarantine", "s3", "PutObject", "/quarantine"},
		{"masker receives", "sqs", "ReceiveMessage", "-valid"},
		{"masker deletes", "sqs", "DeleteMessageBatch", "-valid"},
		{"masker sends", "sqs", "SendMessageBatch", "-masked"},
		{"aggregator receives", "sqs", "ReceiveMessage", "-masked"},
		{"aggregator deletes", "sqs", "DeleteMessageBatch", "-masked"},
		{"partials written", "s3", "PutObject", "/partials"},
	} {
		n := Used(f.Usage, h.service, h.operation, h.resource)
		million := 1e6 / float64(f.Events)
		list = append(list, hopView{
			f.PerMessage, h.what, float64(n.Requests-n.Empty) * million, float64(max(n.Units-n.Empty, 0)) * million, float64(n.Payload) * million / (1 << 20),
		})
	}
	return list
}

// dollars writes an amount with the digits that mean something.
func dollars(x float64) string {
	if x < 9.995 {
		return fmt.Sprintf("%.2f", x)
	}
	return number(x)
}

// number writes a number without decimals from 10 on, with commas.
func number(x float64) string {
	if x == 0 {
		return "0"
	}
	if x < 9.5 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	}
	text := fmt.Sprintf("%.0f", x)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
