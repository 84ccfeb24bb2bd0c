// Package web holds the page of the preview: its HTML, its styles, its own code and
// the charts' library. The page is served as it is; only echarts.js is built, from the
// folder build.
package web

import (
	"embed"
	"io/fs"
)

//go:embed index.html assets
var files embed.FS

// Assets are the files of the page: index.html, and the folder assets that it asks
// for. They refer to nothing outside, so that the page needs no network.
func Assets() fs.FS { return files }
