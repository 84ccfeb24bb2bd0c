// Package cost works out what Headcount costs on AWS: what a run on the stand-in
// uses, and what a stack uses while nothing happens, times list prices. It is
// arithmetic over three files of the repository: counted.json, which `headcount
// cost` writes, prices.json, which is dated and kept by hand, and the stack's list
// of resources.
package cost

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// Path is where the document stands in the repository.
const Path = "docs/cost.md"

//go:embed prices.json
var pricesJSON []byte

//go:embed cost.md.tmpl
var documentText string

// Amounts are how much is used, by the ID of the price: requests, bytes, hours,
// months of a thing, byte-months.
type Amounts map[string]float64

// Price is AWS's list price of one thing.
type Price struct {
	ID string `json:"id"`
	// Service is the part of AWS's bill that it belongs to.
	Service string `json:"service"`
	// Unit says what is paid for, and Per how many requests, bytes, hours or months
	// that is.
	Unit string  `json:"unit"`
	Per  float64 `json:"per"`
	// USD is the price of a Unit in dollars, by region.
	USD map[string]float64 `json:"usd"`
	// Source is AWS's page on it.
	Source string `json:"source"`
	Note   string `json:"note"`
	// Idle is what a resource of a type uses in a month whatever happens.
	Idle map[string]float64 `json:"idle"`
	// Used is what is billed of a service's operations, or of one: requests, units,
	// wire (bytes) or year (bytes, for 12 months).
	Used map[string]string `json:"used"`
}

// Prices is the price list.
type Prices struct {
	// AsKnown is the day for which the prices are believed to hold, YYYY-MM-DD.
	AsKnown string  `json:"as_known"`
	Note    string  `json:"note"`
	List    []Price `json:"prices"`
	// Free are the beginnings of the types of resources, and of the operations, that
	// cost nothing by themselves.
	Free []string `json:"free"`
}

// ReadPrices reads the price list that is in the repository.
func ReadPrices() (p Prices, err error) {
	err = json.Unmarshal(pricesJSON, &p)
	return p, err
}

func (p *Prices) isFree(name string) bool {
	return slices.ContainsFunc(p.Free, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Cost is what the amounts cost in a region, in dollars: of each price, in the order
// of the list, and in all.
func (p *Prices) Cost(region string, amounts Amounts) (each []float64, sum float64, err error) {
	each = make([]float64, len(p.List))
	known := 0
	for i, price := range p.List {
		if amount, used := amounts[price.ID]; used && price.USD[region] > 0 {
			each[i] = amount / price.Per * price.USD[region]
			sum += each[i]
			known++
		}
	}
	if known < len(amounts) {
		return nil, 0, fmt.Errorf("prices.json does not have all prices of %v in region %s", amounts, region)
	}
	return each, sum, nil
}

// document is what the template is given. Its columns are the stacks' months when
// idle, then a million events of each run; a column has dollars for each price.
type document struct {
	Prices  Prices
	Stacks  []Stack
	Runs    Counted
	Columns [][]float64
	// Idle and InUse are dollars a month of each stack: when nothing happens, and
	// what is added while events come. Million is a million events, by stack and run.
	Idle, InUse []float64
	Million     [][]float64
}

// Document writes docs/cost.md: a pure function of the counts, and of the prices and
// the stacks in the repository at root.
func Document(root string, runs Counted) ([]byte, error) {
	p, err := ReadPrices()
	if err != nil {
		return nil, err
	}
	var stacks []Stack
	for _, name := range []string{"dev", "prod"} {
		s, err := ReadStack(p, filepath.Join(root, "stack", "testdata", "resources."+name+".json"), name)
		if err != nil {
			return nil, err
		}
		stacks = append(stacks, s)
	}
	d := &document{Prices: p, Stacks: stacks, Runs: runs, Million: make([][]float64, len(stacks))}
	for range len(stacks) + len(runs) {
		d.Columns = append(d.Columns, make([]float64, len(p.List)))
	}
	for i, s := range stacks {
		idle, err := d.add(d.Columns[i], s, s.Idle)
		_, inUse, bad := p.Cost(s.Region, inUse())
		d.Idle, d.InUse = append(d.Idle, idle), append(d.InUse, inUse)
		faults := []error{err, bad}
		for j, r := range runs {
			used, err := r.used(&p, s.traffic)
			million, bad := d.add(d.Columns[len(stacks)+j], s, used)
			d.Million[i], faults = append(d.Million[i], million), append(faults, err, bad)
		}
		if err := errors.Join(faults...); err != nil {
			return nil, err
		}
	}
	t, err := template.New(Path).Funcs(template.FuncMap{
		"usd": dollars, "day": func(usd float64) float64 { return usd / hours * 24 }, "month": d.month,
	}).Parse(documentText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, d)
	return out.Bytes(), err
}

// add puts what amounts cost into a column, and gives the sum. A run's column is
// filled once for each stack: what both use costs the same.
func (d *document) add(column []float64, s Stack, amounts Amounts) (sum float64, err error) {
	each, sum, err := d.Prices.Cost(s.Region, amounts)
	for i, usd := range each {
		column[i] = max(column[i], usd)
	}
	return sum, err
}

// month is a month of a stack at a rate of events, with one event in a message or
// with as many as in the last run.
func (d *document) month(stack int, perSecond float64, many bool) float64 {
	run := 0
	switch {
	case many:
		run = len(d.Runs) - 1
	case perSecond > d.Runs[0].PerSecond:
		run = 1 // at full speed
	}
	return d.Idle[stack] + d.InUse[stack] + perSecond*seconds/1e6*d.Million[stack][run]
}

// dollars writes an amount with the digits that mean something; 0 is empty.
func dollars(x float64) string {
	switch {
	case x == 0:
		return ""
	case x < 0.0995:
		return fmt.Sprintf("%.3f", x)
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	}
	text := fmt.Sprintf("%.0f", x)
	if i := len(text) - 3; i > 0 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
