package publish

import (
	"bytes"
	"fmt"
)

// foreign are beginnings of files that hold no rows as text, and what to do about it.
var foreign = []struct{ start, what string }{
	{"PK\x03\x04", "it is a spreadsheet (.xlsx), or another zip archive: save the sheet as CSV UTF-8"},
	{"\xd0\xcf\x11\xe0", "it is an old spreadsheet (.xls): save the sheet as CSV UTF-8"},
	{"%PDF-", "it is a PDF"},
	{"PAR1", "it is a Parquet file: write it as CSV or NDJSON"},
	{"Obj\x01", "it is an Avro file: write it as CSV or NDJSON"},
	{"SQLite format 3\x00", "it is an SQLite database: write its rows as CSV or NDJSON"},
}

// beginning is what the first read of an input brings: 64 KiB of a file. More is not waited for: a slow engine's first rows go out.
func (l *lines) beginning() []byte {
	start, err := l.reader.Peek(1)
	for err == nil {
		start, err = l.reader.Peek(l.reader.Buffered())
		if start[len(start)-1] != '\r' {
			break
		}
		start, err = l.reader.Peek(len(start) + 1) // whether a line feed follows decides how lines end
	}
	return start
}

// isText refuses, as a whole, an input that is no text, by its beginning: row by row it would be thousands of refusals that say less.
func (l *lines) isText() error {
	start := l.beginning()
	for _, f := range foreign {
		if bytes.HasPrefix(start, []byte(f.start)) {
			return fmt.Errorf("%w: %s", ErrInput, f.what)
		}
	}
	if name := wide(start); name != "" {
		return fmt.Errorf("%w: it is %s, not UTF-8: convert it (iconv -f %s -t UTF-8)", ErrInput, name, name)
	}
	if at := bytes.IndexByte(start, 0); at >= 0 {
		return fmt.Errorf("%w: it is no text: byte %d is zero", ErrInput, at+1)
	}
	return nil
}

// wide names the encoding of a text whose characters take two bytes or four, "" where they do not. Without a byte order mark it is
// seen by zeros at every second byte of what is mostly ASCII.
func wide(start []byte) string {
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(start, []byte("\x00\x00\xfe\xff")):
		return "UTF-32"
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return "UTF-16LE"
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return "UTF-16BE"
	}
	var zeros [2]int
	start = start[:min(len(start), 512)&^1]
	for i, c := range start {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch pairs := len(start) / 2; {
	case pairs < 4:
	case zeros[0] == 0 && zeros[1] > pairs*3/4:
		return "UTF-16LE"
	case zeros[1] == 0 && zeros[0] > pairs*3/4:
		return "UTF-16BE"
	}
	return ""
}
