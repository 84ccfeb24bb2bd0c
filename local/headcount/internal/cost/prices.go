// Package cost works out what Headcount costs on AWS: what a run on the stand-in
// counted, times rates, times list prices, plus what a stack costs when nothing
// happens. It is arithmetic over three files that are in the repository:
// counted.json (made by `make cost`), prices.json (dated by hand), and the
// stack's list of resources.
package cost

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed prices.json
var pricesJSON []byte

// Price is AWS's list price of one thing.
type Price struct {
	// ID is what a Use names it by.
	ID string `json:"id"`
	// Service is the line of the bill that it belongs to.
	Service string `json:"service"`
	// Unit says what is paid for, Per how many requests, bytes, hours or months
	// that are.
	Unit string  `json:"unit"`
	Per  float64 `json:"per"`
	// USD is the price of a Unit in dollars, by region.
	USD map[string]float64 `json:"usd"`
	// Source is AWS's page on it.
	Source string `json:"source"`
	Note   string `json:"note,omitempty"`
}

// Prices is the price list.
type Prices struct {
	// AsKnown is the day for which the prices are believed to hold, YYYY-MM-DD.
	AsKnown string  `json:"as_known"`
	Note    string  `json:"note"`
	List    []Price `json:"prices"`
}

// ReadPrices reads the price list that is in the repository. An error names
// every entry that could not be used.
func ReadPrices() (Prices, error) {
	var p Prices
	if err := json.Unmarshal(pricesJSON, &p); err != nil {
		return p, fmt.Errorf("prices.json: %w", err)
	}
	var faults []error
	seen := map[string]bool{}
	for _, price := range p.List {
		bad := price.ID == "" || price.Service == "" || price.Unit == "" || price.Per <= 0 || !strings.HasPrefix(price.Source, "https://aws.amazon.com/")
		for _, region := range Regions {
			bad = bad || price.USD[region] <= 0
		}
		if bad || seen[price.ID] {
			faults = append(faults, fmt.Errorf("prices.json: %q is incomplete, or there twice", price.ID))
		}
		seen[price.ID] = true
	}
	return p, errors.Join(faults...)
}

// Regions are those that every price is known for.
var Regions = []string{"eu-west-1", "us-east-1"}

// Use is so much of one thing in a month.
type Use struct {
	Price string // the ID
	What  string // what uses it
	// Amount is in the base of the price: requests, bytes, hours, months of a
	// thing, byte-months.
	Amount float64
}

// Entry is a line of a bill: a Use with what it costs.
type Entry struct {
	Use
	Service string
	USD     float64
}

// Bill is what uses cost in a month.
type Bill []Entry

// Bill prices the uses in a region.
func (p Prices) Bill(region string, uses []Use) (Bill, error) {
	if !slices.Contains(Regions, region) {
		return nil, fmt.Errorf("prices.json has no prices of region %s, only of %s", region, strings.Join(Regions, ", "))
	}
	bill := make(Bill, 0, len(uses))
	for _, use := range uses {
		i := slices.IndexFunc(p.List, func(price Price) bool { return price.ID == use.Price })
		if i < 0 {
			return nil, fmt.Errorf("prices.json has no %s", use.Price)
		}
		bill = append(bill, Entry{use, p.List[i].Service, use.Amount / p.List[i].Per * p.List[i].USD[region]})
	}
	return bill, nil
}

// Total is the sum in dollars a month.
func (b Bill) Total() (sum float64) {
	for _, e := range b {
		sum += e.USD
	}
	return sum
}

// ByService sums the dollars a month of each service.
func (b Bill) ByService() map[string]float64 {
	sums := map[string]float64{}
	for _, e := range b {
		sums[e.Service] += e.USD
	}
	return sums
}
