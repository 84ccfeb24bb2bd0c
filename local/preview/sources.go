package preview

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/sql"
)

// columnTypes are QuickSight's names of the types of columns.
var columnTypes = map[dialect.Type]types.ColumnDataType{
	dialect.String: types.ColumnDataTypeString, dialect.Integer: types.ColumnDataTypeInteger, dialect.Boolean: types.ColumnDataTypeInteger,
	dialect.Decimal: types.ColumnDataTypeDecimal, dialect.Datetime: types.ColumnDataTypeDatetime,
}

// described gives a data set as the checks and as the queries want it.
func described(id, table string, columns []sql.Column) (definition.DataSet, query.Source) {
	set := definition.DataSet{Identifier: id}
	source := query.Source{Identifier: id, Table: quoted(table)}
	for _, c := range columns {
		t := dialect.TypeOf(c.Type)
		set.Columns = append(set.Columns, definition.Column{Name: c.Name, Type: columnTypes[t]})
		source.Columns = append(source.Columns, query.Column{Name: c.Name, Type: t})
	}
	return set, source
}

func quoted(name string) string { return dialect.Name(name) }

// version changes whenever the definition, or a file that the views read, does.
func (s *Server) version() (string, error) {
	text, err := s.config.Read()
	if err != nil {
		return "", fmt.Errorf("definition: %w", err)
	}
	sum := sha256.New()
	sum.Write(text)
	if s.config.Dir != "" {
		lake, err := s.files(sql.LakeBucket)
		if err != nil {
			return "", err
		}
		aggregates, err := s.files(sql.AggregatesBucket)
		if err != nil {
			return "", err
		}
		s.mu.Lock()
		sum.Write(s.lake.adopt(lake, time.Now()))
		s.mu.Unlock()
		sum.Write(aggregates)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// importEvery is how often data sets are imported again at most, while the lake
// grows.
const importEvery = 10 * time.Second

// adopted is the state of the lake that is shown.
type adopted struct {
	sum []byte
	at  time.Time
}

// adopt takes a newer state over if the last one has been shown for a while.
func (a *adopted) adopt(sum []byte, now time.Time) []byte {
	if a.sum == nil || now.Sub(a.at) >= importEvery {
		if !bytes.Equal(a.sum, sum) {
			a.at = now
		}
		a.sum = sum
	}
	return a.sum
}

// files is a digest of the Parquet files in a bucket that views read.
func (s *Server) files(bucket string) ([]byte, error) {
	sum := sha256.New()
	// The walk is in the order of the names.
	err := filepath.WalkDir(filepath.Join(s.config.Dir, sql.BucketsFolder, bucket), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") {
			if d != nil && d.IsDir() && d.Name() == "partials" {
				return fs.SkipDir // which no view reads
			}
			return gone(err)
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintf(sum, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return gone(err)
	})
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return sum.Sum(nil), nil
}

// gone forgives files that were there a moment ago, and folders that are not
// there yet.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
