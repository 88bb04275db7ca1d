package publish

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxWindow bounds what a zstd file may ask of memory.
const maxWindow = 32 << 20

const bufferSize = 64 << 10

// EncodingError says that an input is not UTF-8, and as what it could be read. It is not read so without somebody's word.
type EncodingError struct {
	Looks string // a value of ReadOptions.Encoding
}

// Error says what to give.
func (e *EncodingError) Error() string {
	return "it seems to be " + e.Looks + ", not UTF-8: look at it, then say --encoding " + e.Looks
}

// Unwrap makes it one of an input that can't be read as a whole.
func (e *EncodingError) Unwrap() error { return ErrInput }

// encodings are those that a file may be in, by the names that --encoding takes.
func encodings() map[string]encoding.Encoding {
	all := map[string]encoding.Encoding{
		"utf-16":   unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
		"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
		"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	}
	for _, e := range charmap.All {
		if named, ok := e.(fmt.Stringer); ok {
			all[strings.ReplaceAll(strings.ToLower(named.String()), " ", "-")] = e
		}
	}
	return all
}

// ParseEncoding checks the name of an encoding. Empty is UTF-8, and anything else is asked about.
func ParseEncoding(name string) (string, error) {
	name = strings.ToLower(name)
	switch alias := map[string]string{"utf8": "utf-8", "utf16": "utf-16", "cp1252": "windows-1252", "latin1": "iso-8859-1", "latin-1": "iso-8859-1"}[name]; {
	case alias != "":
		name = alias
	case name == "" || name == "utf-8":
		return name, nil
	}
	if name == "utf-8" {
		return name, nil
	}
	if _, ok := encodings()[name]; !ok {
		return "", fmt.Errorf("there is no encoding %q: utf-8, utf-16, utf-16le, utf-16be, windows-1252, iso-8859-1 and their like", name)
	}
	return name, nil
}

// text gives the input's text in UTF-8: unpacked, where it is compressed, and decoded as was said. foreign is whether it was decoded.
func (o ReadOptions) text(in io.Reader) (reader *bufio.Reader, foreign bool, err error) {
	reader, err = unpacked(bufio.NewReaderSize(in, bufferSize))
	if err != nil {
		return nil, false, err
	}
	if o.Encoding == "" || o.Encoding == "utf-8" {
		return reader, false, isText(beginning(reader), o.Encoding == "")
	}
	known, ok := encodings()[o.Encoding]
	if !ok {
		return nil, false, fmt.Errorf("%w: there is no encoding %q", ErrInput, o.Encoding)
	}
	reader = bufio.NewReaderSize(transform.NewReader(reader, known.NewDecoder()), bufferSize)
	return reader, true, isText(beginning(reader), false)
}

// unpacked reads through gzip and zstd, which are known by how they begin.
func unpacked(in *bufio.Reader) (*bufio.Reader, error) {
	start, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(start, []byte("\x1f\x8b")):
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%w: it begins as gzip does, and is none: %w", ErrInput, err)
		}
		return bufio.NewReaderSize(unzipped, bufferSize), nil
	case bytes.Equal(start, []byte("\x28\xb5\x2f\xfd")):
		unzipped, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("%w: it begins as zstd does, and is none: %w", ErrInput, err)
		}
		return bufio.NewReaderSize(unzipped, bufferSize), nil // with a concurrency of 1 it has no goroutine to close
	}
	return in, nil
}

// beginning is what the first read of an input brings: 64 KiB of a file. More is not waited for: a slow engine's first rows go out.
func beginning(in *bufio.Reader) []byte {
	_, err := in.Peek(1)
	for {
		start, _ := in.Peek(in.Buffered()) // they are there
		if err != nil || len(start) == 0 || start[len(start)-1] != '\r' {
			return start
		}
		_, err = in.Peek(len(start) + 1) // whether a line feed follows decides how lines end
	}
}

// looksLike1252 reports whether a text that is not UTF-8 could be Windows-1252: no sequence of UTF-8 is in it, and every byte beyond
// ASCII is a character there.
func looksLike1252(start []byte) bool {
	for back := 1; back < utf8.UTFMax && back <= len(start); back++ { // its end may cut a character
		if tail := start[len(start)-back:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				start = start[:len(start)-back]
			}
			break
		}
	}
	foreign := 0
	for len(start) > 0 {
		r, size := utf8.DecodeRune(start)
		switch {
		case r == utf8.RuneError && size == 1:
			if foreign++; charmap.Windows1252.DecodeByte(start[0]) == utf8.RuneError {
				return false
			}
		case size > 1:
			return false
		}
		start = start[size:]
	}
	return foreign > 0
}
