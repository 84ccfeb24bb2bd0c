package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"

	"github.com/headcount-etl/headcount/local/headcount/internal/cost"
)

// countedFile is where the counts stand, from the repository's root.
const countedFile = "local/headcount/internal/cost/counted.json"

// costCommand writes what a stack costs.
type costCommand struct {
	Events int    `default:"20000" placeholder:"N" help:"Count runs of so many simulated events; 0 takes the counts that are in the repository (${default})."`
	Write  string `placeholder:"FILE" help:"File to write in place of stdout; fresh counts go to the repository's then."`
}

// Help shows examples.
func (*costCommand) Help() string {
	return `It is for the repository's root, where the resources of the stacks and the prices are.

	headcount cost --events 0
	headcount cost --write docs/cost.md`
}

// Run counts what runs on the stand-in use, and writes what that costs on AWS.
func (c *costCommand) Run(ctx context.Context, std streams) error {
	if c.Events < 0 || c.Events > 0 && c.Events < 1000 {
		return usageError{fmt.Sprintf("--events %d is neither 0 nor at least 1000", c.Events)}
	}
	if _, err := os.Stat(countedFile); errors.Is(err, fs.ErrNotExist) {
		return usageError{"there is no " + countedFile + " here: run it in the repository's root"}
	}
	counted, err := cost.ReadCounted()
	if c.Events > 0 {
		counted, err = cost.Count(ctx, c.Events)
	}
	if err != nil {
		return err
	}
	document, err := cost.Document(".", counted)
	if err != nil {
		return err
	}
	if c.Write == "" {
		_, err = std.out.Write(document)
		return err
	}
	if c.Events > 0 {
		text, err := json.MarshalIndent(counted, "", "\t")
		if err == nil {
			err = renameio.WriteFile(countedFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return renameio.WriteFile(c.Write, document, 0o644)
}
