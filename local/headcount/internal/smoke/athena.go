package smoke

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"github.com/headcount-etl/headcount/local/preview/sql"
)

// Asker answers one SQL query: its columns, with their types as the engine writes
// them, and its rows, as text; nil is a null.
type Asker interface {
	Ask(ctx context.Context, query string) (columns []sql.Column, rows [][]*string, err error)
}

// athenaAPI is what this package calls of *athena.Client.
type athenaAPI interface {
	athena.GetQueryResultsAPIClient
	StartQueryExecution(ctx context.Context, in *athena.StartQueryExecutionInput, opts ...func(*athena.Options)) (*athena.StartQueryExecutionOutput, error)
	GetQueryExecution(ctx context.Context, in *athena.GetQueryExecutionInput, opts ...func(*athena.Options)) (*athena.GetQueryExecutionOutput, error)
	StopQueryExecution(ctx context.Context, in *athena.StopQueryExecutionInput, opts ...func(*athena.Options)) (*athena.StopQueryExecutionOutput, error)
}

// Athena is an Asker. The workgroup says where the results go, and bounds what a
// query may cost.
type Athena struct {
	API                 athenaAPI
	Workgroup, Database string
	// Every is how often a running query is looked at.
	Every time.Duration
}

// Ask runs a SELECT and waits for its rows. When ctx ends first, the query is
// stopped, lest it cost more.
func (a *Athena) Ask(ctx context.Context, query string) (columns []sql.Column, rows [][]*string, err error) {
	started, err := a.API.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{
		QueryString: &query, WorkGroup: &a.Workgroup, QueryExecutionContext: &types.QueryExecutionContext{Database: &a.Database},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("athena: start a query: %w", err)
	}
	if err := a.wait(ctx, started.QueryExecutionId); err != nil {
		return nil, nil, fmt.Errorf("athena: query %s (%s): %w", aws.ToString(started.QueryExecutionId), brief(query), err)
	}
	pages := athena.NewGetQueryResultsPaginator(a.API, &athena.GetQueryResultsInput{QueryExecutionId: started.QueryExecutionId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("athena: rows of query %s: %w", aws.ToString(started.QueryExecutionId), err)
		}
		if page.ResultSet == nil {
			continue
		}
		if columns == nil && page.ResultSet.ResultSetMetadata != nil {
			for _, c := range page.ResultSet.ResultSetMetadata.ColumnInfo {
				columns = append(columns, sql.Column{Name: aws.ToString(c.Name), Type: aws.ToString(c.Type)})
			}
		}
		for _, r := range page.ResultSet.Rows {
			values := make([]*string, len(r.Data))
			for i, datum := range r.Data {
				values[i] = datum.VarCharValue
			}
			rows = append(rows, values)
		}
	}
	if len(rows) == 0 {
		return nil, nil, fmt.Errorf("athena: query %s gave no header (%s)", aws.ToString(started.QueryExecutionId), brief(query))
	}
	return columns, rows[1:], nil // the first row of the first page has the columns' names
}

// wait waits until a query has succeeded.
func (a *Athena) wait(ctx context.Context, id *string) error {
	tick := time.NewTicker(a.Every)
	defer tick.Stop()
	for {
		out, err := a.API.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: id})
		if err == nil {
			status := out.QueryExecution.Status
			switch status.State {
			case types.QueryExecutionStateSucceeded:
				return nil
			case types.QueryExecutionStateFailed, types.QueryExecutionStateCancelled:
				return fmt.Errorf("%s: %s", strings.ToLower(string(status.State)), strings.Join(strings.Fields(aws.ToString(status.StateChangeReason)), " "))
			}
		} else if ctx.Err() == nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_, err := a.API.StopQueryExecution(stop, &athena.StopQueryExecutionInput{QueryExecutionId: id})
			return errors.Join(ctx.Err(), err)
		}
	}
}

// brief is how a query begins, on one line.
func brief(query string) string {
	line := strings.Join(strings.Fields(query), " ")
	if len(line) > 80 {
		line = line[:80] + "…"
	}
	return line
}
