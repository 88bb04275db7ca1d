package publish

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine bounds a line, and a CSV record of several lines. An event takes 64 KiB, so nothing longer can be published.
const maxLine = 1 << 20

var byteOrderMark = []byte("\xef\xbb\xbf")

// lines reads an input line by line in bounded memory.
type lines struct {
	reader *bufio.Reader
	read   int    // lines that were read
	buffer []byte // of a line that did not fit the reader's
	again  []line // to be read once more
	end    byte   // of a line
	// decoded is whether the text was in another encoding: what could not be decoded stands as U+FFFD in it.
	decoded bool
}

// line is one line without its end, valid until the next one is read. The text of one that is too long is skipped.
type line struct {
	number int
	text   []byte
	long   bool
}

func newLines(in *bufio.Reader) *lines {
	l := &lines{reader: in}
	if start, _ := l.reader.Peek(len(byteOrderMark)); bytes.Equal(start, byteOrderMark) {
		_, _ = l.reader.Discard(len(byteOrderMark)) // they were peeked at
	}
	l.end = '\n'
	if start := beginning(l.reader); bytes.IndexByte(start, '\n') < 0 && bytes.IndexByte(start, '\r') >= 0 {
		l.end = '\r' // as old Macintoshes end lines, and spreadsheets that save for them
	}
	return l
}

// first is the first byte that is no white space, 0 where there is none soon.
func (l *lines) first() byte {
	for n := 1; n <= 4096; n++ {
		start, err := l.reader.Peek(n)
		if err != nil {
			return 0
		}
		if c := start[n-1]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func (l *lines) next() (line, error) {
	if len(l.again) > 0 {
		first := l.again[0]
		l.again = l.again[1:]
		return first, nil
	}
	text, err := l.reader.ReadSlice(l.end)
	long := false
	if errors.Is(err, bufio.ErrBufferFull) {
		text, long, err = l.rest(text)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0 && !long) {
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("read line %d: %w", l.read+1, err)
		}
		return line{}, err
	}
	l.read++
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\r'}) // of a line that ends with CR alone the second one is it
	return line{number: l.read, text: text, long: long}, nil
}

// rest reads on in a line that is longer than the reader's buffer.
func (l *lines) rest(start []byte) (text []byte, long bool, err error) {
	l.buffer = append(l.buffer[:0], start...)
	for {
		text, err = l.reader.ReadSlice(l.end)
		if long = long || len(l.buffer)+len(text) > maxLine; !long {
			l.buffer = append(l.buffer, text...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if long {
		l.buffer = nil
	}
	return l.buffer, long, err
}

// unread gives lines back, the last ones that next returned.
func (l *lines) unread(some []line) { l.again = append(some, l.again...) }

// problem says what keeps a line from being read; "" is nothing.
func (l *lines) problem(text []byte) string {
	switch {
	case !utf8.Valid(text):
		return "it is not UTF-8"
	case l.decoded && bytes.ContainsRune(text, utf8.RuneError):
		return "it holds a character that is none of its encoding"
	}
	return ""
}
