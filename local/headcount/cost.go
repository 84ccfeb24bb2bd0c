package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/headcount-etl/headcount/local/headcount/internal/cost"
)

const (
	// countedFile is where the counts stand, from the repository's root.
	countedFile = "local/headcount/internal/cost/counted.json"
	// resourcesFile is where a stack's resources stand, with its name.
	resourcesFile = "stack/testdata/resources.%s.json"
)

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
	counted, err := used(ctx, c.Events, c.Write != "")
	if err != nil {
		return err
	}
	document, err := costs(".", counted)
	if err != nil {
		return err
	}
	if c.Write == "" {
		_, err = std.out.Write(document)
		return err
	}
	return renameio.WriteFile(c.Write, document, 0o644)
}

// used gives the counts that are in the repository, or fresh ones, which it
// may keep there.
func used(ctx context.Context, events int, keep bool) (c cost.Counted, err error) {
	if events == 0 {
		return cost.ReadCounted()
	}
	dir, err := os.MkdirTemp("", "headcount-cost-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if c, err = cost.Count(ctx, dir, events); err != nil || !keep {
		return c, err
	}
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return c, err
	}
	return c, renameio.WriteFile(countedFile, append(text, '\n'), 0o644)
}

// costs writes the document from the repository at root.
func costs(root string, counted cost.Counted) ([]byte, error) {
	prices, err := cost.ReadPrices()
	if err != nil {
		return nil, err
	}
	var stacks []cost.Stack
	for _, name := range []string{"dev", "prod"} {
		stack, err := cost.ReadStack(prices, filepath.Join(root, fmt.Sprintf(resourcesFile, name)), name)
		if err != nil {
			return nil, err
		}
		stacks = append(stacks, stack)
	}
	return cost.Document(counted, prices, stacks)
}
