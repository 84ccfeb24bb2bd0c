// Package preview shows a QuickSight definition in a browser, on the data of one
// machine: a server on loopback that turns each visual into one SQL query, and a
// page that draws the answers. It follows the definition's file and the data's
// files, and needs no network. It is a module of its own, for any definition: the
// tables and data sets come from the caller, as SQL and as folders of files.
//
// Begin with Start. Below it, sql answers questions about a folder of files by
// DuckDB; dialect turns QuickSight's expressions into DuckDB's SQL; query makes one
// query of a visual, in QuickSight's order of evaluation; visual makes a drawing of
// the definition and the rows; web is the page.
package preview
