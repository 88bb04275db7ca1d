package publish

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"rollcall/internal/segment"
)

// Format is how an input is written.
type Format string

// The formats.
const (
	Auto   Format = "auto" // by the name's extension, else by the first character
	CSV    Format = "csv"
	NDJSON Format = "ndjson" // a JSON object a line: events or profiles
)

// ReadOptions says how to read an input.
type ReadOptions struct {
	Name    string // of the file
	Format  Format
	Segment string         // of rows that name none
	Change  segment.Change // of rows that name none; 0 is entered for profiles, and required of a CSV file without the column

	Columns   Columns            // of a CSV file
	Delimiter byte               // of a CSV file; 0 is found by its header
	Encoding  string             // as ParseEncoding gives it; empty is UTF-8, and an *EncodingError says where it seems to be another
	Header    func(Header) error // is told a CSV file's header before its first row; may be nil; its error ends the reading
	KeepRaw   bool               // items have their line as it was
}

// Item is what one line, or one record, of an input holds.
type Item struct {
	Line   int // where it begins
	Row    Row
	Erased bool     // the profile is to be forgotten; Row has its id alone
	Emails []string // of an erasure
	Err    error    // a *RowError: the line is refused
	Event  bool     // it came as an event: one of a history, not a state
	Raw    []byte   // its lines as they were, in UTF-8, without the last one's end; valid until the next item; nil where they are too long
}

// ErrInput says that an input can't be read as a whole, as opposed to single lines of it.
var ErrInput = errors.New("the input can't be read")

// Read calls yield with each item of an input, in constant memory, and stops at its error. A line that can't be read is an item with
// an error; the next ones follow.
func Read(in io.Reader, o ReadOptions, yield func(Item) error) error {
	text, decoded, err := o.text(in)
	if err != nil {
		return err
	}
	l := newLines(text)
	l.decoded = decoded
	format, err := o.format(l)
	if err != nil {
		return err
	}
	if format != CSV && (o.Columns.given() || o.Delimiter != 0) {
		return fmt.Errorf("%w: columns, ids from them and delimiters are of CSV files, and this is NDJSON", ErrInput)
	}
	if format == CSV {
		return readCSV(l, o, yield)
	}
	return readNDJSON(l, o, yield)
}

func (o ReadOptions) format(l *lines) (Format, error) {
	switch o.Format {
	case CSV, NDJSON:
		return o.Format, nil
	case Auto, "":
	default:
		return "", fmt.Errorf("%w: there is no format %q: auto, csv or ndjson", ErrInput, o.Format)
	}
	switch strings.ToLower(filepath.Ext(plainName(o.Name))) {
	case ".csv", ".tsv":
		return CSV, nil
	case ".ndjson", ".jsonl":
		return NDJSON, nil
	}
	switch l.first() {
	case '{':
		return NDJSON, nil
	case '[':
		return "", fmt.Errorf("%w: it is a JSON array; write one object a line (`jq -c '.[]'` does)", ErrInput)
	}
	return CSV, nil
}

// refuse makes the item of a line that can't be read.
func refuse(line int, reason segment.Reason, detail string) Item {
	return Item{Line: line, Err: &RowError{reason, detail}}
}

const noChange = "change is neither entered nor exited"

func changeOf(text string) (segment.Change, bool) {
	switch text {
	case segment.Entered.String():
		return segment.Entered, true
	case segment.Exited.String():
		return segment.Exited, true
	}
	return 0, false
}

// ParseChange reads a change as events spell it.
func ParseChange(text string) (segment.Change, error) {
	change, ok := changeOf(text)
	if !ok {
		return 0, errors.New("a change is entered or exited")
	}
	return change, nil
}

// plainName is a file's name without the extension of its compression.
func plainName(name string) string {
	switch ext := filepath.Ext(name); strings.ToLower(ext) {
	case ".gz", ".zst", ".zstd":
		return strings.TrimSuffix(name, ext)
	}
	return name
}
