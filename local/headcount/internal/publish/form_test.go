package publish

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestForm: an input that cannot be lines of events is refused with the command
// that mends it; one bad line is not, whatever stands there.
func TestForm(t *testing.T) {
	good := withConsent(1, true)
	big := `{"x":"` + strings.Repeat("x", 2*headBytes) + `"}`
	for _, tt := range []struct{ name, input, refused string }{
		{"an array", "[" + good + "," + good + "]\n", "jq -c '.[]' FILE"},
		{"an array of many megabytes in a line", "[" + strings.Repeat(good+",", 100_000) + good + "]", "jq -c '.[]' FILE"},
		{"an array of many megabytes with a malformed event", "[" + good + `,{"a":nan},` + strings.Repeat(good+",", 100_000) + good + "]", "jq -c '.[]' FILE"},
		{"a line that begins like an array", "[}\n" + good + "\n", ""},
		{"an array over lines", "[\n" + good + ",\n" + good + "\n]\n", "jq -c '.[]' FILE"},
		{"an array over many lines", "\n[\n" + strings.Repeat(good+",\n", 100_000) + good + "\n]\n", "jq -c '.[]' FILE"},
		{"an array a line", "[" + good + "]\n[" + good + "]\n", "jq -c '.[]' FILE"},
		{"an array before events", "[" + good + "]\n" + good + "\n", ""},
		{"pretty-printed", "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n{\n", "jq -c . FILE"},
		{"pretty-printed and cut off", "{\r\n  \"a\": 1,\r\n  \"b\"", "jq -c . FILE"},
		{"pretty-printed, one after another", strings.Repeat("{\n  \"a\": 1\n}\n", 500_000), "jq -c . FILE"},
		{"CSV", "event_id,occurred_at\n7,2026-03-01\n", "CSV"},
		{"CSV with semicolons and one row", "event_id;occurred_at\n7;2026", "CSV"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "iconv -f UTF-16 "},
		{"UTF-16 without a mark", "{\x00}\x00", "iconv -f UTF-16LE"},
		{"zip", "PK\x03\x04\n", "unzip -p"},
		{"zstd", "\x28\xb5\x2f\xfd\n", "zstd -dc"},
		{"xz", "\xfd7zXZ\x00\n", "xz -dc"},
		{"Parquet", "PAR1\x15\n", "Parquet"},

		{"nothing", "", ""},
		{"blank lines", " \n\r\n", ""},
		{"one event", good, ""},
		{"events", good + "\n" + good + "\n", ""},
		{"an event that is cut off, before another", good[:20] + "\n" + good + "\n", ""},
		{"an event that is cut off within a string", `{"event_id":"` + "\n" + good + "\n", ""},
		{"one event that is cut off", good[:20] + "\n", ""},
		{"an event that is too large", big + "\n" + good, ""},
		{"a line of text with a comma, before events", "nonsense, really\n" + good + "\n", ""},
		{"a line of text with a comma alone", "nonsense, really\n", ""},
		{"numbers", "1\n2\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.input), zipped(t, tt.input), iotest.HalfReader(strings.NewReader(tt.input))} {
				lines, err := Lines(r)
				var form *InputError
				if tt.refused != "" {
					if !errors.As(err, &form) || !strings.Contains(err.Error(), tt.refused) {
						t.Errorf("got %v, want an InputError that says %s", err, tt.refused)
					}
					continue
				}
				if err != nil {
					t.Errorf("refused: %v", err)
					continue
				}
				if rest, err := io.ReadAll(lines); string(rest) != tt.input {
					t.Errorf("%d of %d bytes come after the look, %v", len(rest), len(tt.input), err)
				}
			}
		})
	}
}

// TestFormWaitsForNoMore: an event that is there is published before the next one
// comes.
func TestFormWaitsForNoMore(t *testing.T) {
	r, w := io.Pipe()
	go func() { _, _ = w.Write([]byte(withConsent(1, true) + "\n")) }() // and then nothing
	if _, err := Lines(r); err != nil {
		t.Error(err)
	}
}

func zipped(t *testing.T, text string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return &b
}

// TestInputCutOff: the whole lines of an input that breaks off are published, and
// the error says where it ends and why.
func TestInputCutOff(t *testing.T) {
	whole := zipped(t, strings.Repeat(withConsent(1, true)+"\n", 1000)).Bytes()
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-6] ^= 1 // in the checksum
	for name, tt := range map[string]struct {
		input  io.Reader
		line   string
		events int64
	}{
		"gzip cut off":      {bytes.NewReader(whole[:len(whole)-12]), "ends in the middle of its gzip data, in line ", 1},
		"a wrong checksum":  {bytes.NewReader(damaged), "has damaged gzip data, in line 1001", 1000},
		"a disk that fails": {io.MultiReader(strings.NewReader("{}\n{}\n{\"a"), iotest.ErrReader(errors.New("input/output error"))), "cannot be read: input/output error, in line 3", 2},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := Lines(tt.input)
			if err != nil {
				t.Fatal(err)
			}
			f := &topic{}
			counts, err := (&Publisher{API: f, PerMessage: 1}).Publish(t.Context(), lines)
			if counts.Events < tt.events || int64(len(f.messages)) != counts.Events {
				t.Errorf("%d events counted, %d published, want %d", counts.Events, len(f.messages), tt.events)
			}
			if err == nil || !strings.Contains(err.Error(), tt.line) || !Partial(err) {
				t.Errorf("got %v, want %s", err, tt.line)
			}
		})
	}
	var input *InputError
	if _, err := Lines(bytes.NewReader(whole[:5])); !errors.As(err, &input) || !strings.Contains(err.Error(), "middle of its gzip data") {
		t.Errorf("cut off in the header: %v", err)
	}
}
