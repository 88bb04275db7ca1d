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

// isText refuses, as a whole, an input that is no text, by its beginning: row by row it would be thousands of refusals that say less.
// ask is whether text in another encoding is to be asked about.
func isText(start []byte, ask bool) error {
	for _, f := range foreign {
		if bytes.HasPrefix(start, []byte(f.start)) {
			return fmt.Errorf("%w: %s", ErrInput, f.what)
		}
	}
	looks := wide(start)
	switch {
	case looks == "utf-32":
		return fmt.Errorf("%w: it is UTF-32, which is not read: convert it to UTF-8", ErrInput)
	case looks != "":
		return &EncodingError{looks}
	case ask && looksLike1252(start):
		return &EncodingError{"windows-1252"}
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
		return "utf-32"
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return "utf-16le"
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return "utf-16be"
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
		return "utf-16le"
	case zeros[1] == 0 && zeros[0] > pairs*3/4:
		return "utf-16be"
	}
	return ""
}
