// Package sample has 42 well-known places of Paris, the busiest first, with
// coordinates that are public knowledge: the places of the simulation, and the
// default list of a new stack.
package sample

import _ "embed"

// Places is the list as the aggregator reads it: CSV with the header
// poi_id,name,latitude,longitude, in degrees on WGS 84.
//
//go:embed places.csv
var Places string
