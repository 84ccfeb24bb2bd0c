// Package parquet writes and reads the Parquet files of the pipeline: columns
// described in Go go in, bytes come out, and the other way round. It is a thin
// layer over arrow's low-level file writer and reader.
//
// It covers what the pipeline needs and no more: seven kinds of values,
// structures of any depth, no repeated fields. The same description of the
// columns gives the types of the Glue table over the files (see [Kind.Hive]), so
// that the two cannot drift apart.
//
// The bytes are a function of the input: the same rows, codec and metadata
// give the same file.
package parquet
