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
	"github.com/headcount-etl/headcount/local/headcount/internal/cost/count"
)

const (
	// countedFile is where the counts stand, from the repository's root.
	countedFile = "local/headcount/internal/cost/counted.json"
	// resourcesFile is where a stack's resources stand, with its name.
	resourcesFile = "stack/testdata/resources.%s.json"
)

// bill counts what runs on the stand-in use, and writes what that costs on AWS.
func bill(ctx context.Context, std streams, args []string) (err error) {
	f := newFlags("cost", std.err)
	events := f.Int("events", 20_000, "count runs of so many simulated `events`; 0 takes the counts that are in the repository")
	to := f.String("write", "", "`file` to write instead of stdout; fresh counts go to "+countedFile+" then")
	if err := f.parse(args, ""); err != nil {
		return err
	}
	if *events < 0 || *events > 0 && *events < 1000 {
		return usageError{fmt.Sprintf("--events %d is neither 0 nor at least 1000", *events)}
	}
	if _, err := os.Stat(countedFile); errors.Is(err, fs.ErrNotExist) {
		return usageError{"there is no " + countedFile + " here: run it in the repository's root"}
	}
	counted, err := used(ctx, *events, *to != "")
	if err != nil {
		return err
	}
	document, err := costs(".", counted)
	if err != nil {
		return err
	}
	if *to == "" {
		_, err = std.out.Write(document)
		return err
	}
	return renameio.WriteFile(*to, document, 0o644)
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
	if c, err = count.All(ctx, dir, events); err != nil || !keep {
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
		stack, err := cost.ReadStack(filepath.Join(root, fmt.Sprintf(resourcesFile, name)), name)
		if err != nil {
			return nil, err
		}
		stacks = append(stacks, stack)
	}
	return cost.Document(counted, prices, stacks)
}
