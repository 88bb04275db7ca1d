package publish

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"rollcall/internal/people"
	"rollcall/internal/segment"
)

// The columns that are no attributes.
const (
	profileColumn = "profile_id"
	segmentColumn = "segment_id"
	changeColumn  = "change"
)

// csvReader turns records into rows.
type csvReader struct {
	lines *lines
	o     ReadOptions
	rec   record

	keys       [][]byte // by column, quoted, with the colon; nil where it is no attribute
	at         columns
	attributes []byte
}

// columns are those that are no attributes; -1 is none.
type columns struct{ profile, segment, change int }

func readCSV(l *lines, o ReadOptions, yield func(Item) error) error {
	r := &csvReader{lines: l, o: o, at: columns{-1, -1, -1}}
	for {
		line, err := r.next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			if r.keys == nil {
				return fmt.Errorf("%w: it has no header", ErrInput)
			}
			return nil
		case errors.As(err, &bad) && r.keys == nil, err == nil && r.keys == nil:
			if bad != nil {
				err = fmt.Errorf("%w: line %d, the header: %s", ErrInput, line, bad.Detail)
			} else {
				err = r.header(line)
			}
		case bad != nil:
			err = yield(Item{Line: line, Err: bad})
		case err == nil:
			err = yield(r.item(line))
		}
		if err != nil {
			return err
		}
	}
}

// next reads a record into rec and returns the number of its first line. Where a record of several lines is broken, its first line
// alone is: the next ones are read again, because a stray quote must not swallow them.
func (r *csvReader) next() (first int, err error) {
	var more []line
	size := 0
	r.rec.reset()
	for {
		one, err := r.lines.next()
		switch {
		case errors.Is(err, io.EOF) && r.rec.open:
			r.lines.unread(more)
			return first, &RowError{segment.ReasonUnreadable, "a quote is never closed"}
		case err != nil:
			return first, err
		case r.rec.open:
			more = append(more, line{one.number, bytes.Clone(one.text), one.long})
		case len(one.text) == 0 && !one.long:
			continue // an empty line is nothing
		default:
			first = one.number
		}
		size += len(one.text) + 32
		if problem := r.feed(one, size); problem != "" {
			r.lines.unread(more)
			return first, &RowError{segment.ReasonUnreadable, problem}
		}
		if !r.rec.open {
			return first, nil
		}
	}
}

func (r *csvReader) feed(one line, size int) (problem string) {
	switch {
	case one.long, size > maxLine:
		return "it is longer than 1 MiB, or a quote is never closed"
	case !utf8.Valid(one.text):
		return "it is not UTF-8"
	}
	return r.rec.feed(one.text)
}

// header reads the names of the columns.
func (r *csvReader) header(line int) error {
	seen := map[string]bool{}
	r.keys = make([][]byte, len(r.rec.ends))
	for i := range r.keys {
		name := strings.TrimSpace(string(r.rec.field(i)))
		switch {
		case name == "":
			return fmt.Errorf("%w: line %d, the header: column %d has no name", ErrInput, line, i+1)
		case seen[name]:
			return fmt.Errorf("%w: line %d, the header: two columns are named %q", ErrInput, line, name)
		}
		seen[name] = true
		switch name {
		case profileColumn:
			r.at.profile = i
		case segmentColumn:
			r.at.segment = i
		case changeColumn:
			r.at.change = i
		default:
			r.keys[i] = append(segment.AppendQuoted(nil, []byte(name)), ':')
		}
	}
	switch {
	case r.at.profile < 0 && len(r.keys) == 1 && strings.ContainsAny(string(r.rec.field(0)), ";\t|"):
		return fmt.Errorf("%w: line %d, the header: columns are separated by commas alone", ErrInput, line)
	case r.at.profile < 0:
		return fmt.Errorf("%w: line %d, the header: there is no column %s", ErrInput, line, profileColumn)
	case r.at.segment < 0 && r.o.Segment == "":
		return fmt.Errorf("%w: there is neither a column %s nor a --segment", ErrInput, segmentColumn)
	case r.at.change < 0 && r.o.Change == 0:
		return fmt.Errorf("%w: there is neither a column %s nor a --change", ErrInput, changeColumn)
	}
	return nil
}

// word is a cell that is no attribute, without the padding that the header may have too; a column that is not there has none.
func (r *csvReader) word(column int) string {
	if column < 0 {
		return ""
	}
	return string(bytes.TrimSpace(r.rec.field(column)))
}

// item makes a row of the record. Every cell that is no id is an attribute, as text; an empty one is null.
func (r *csvReader) item(line int) Item {
	if n := len(r.rec.ends); n != len(r.keys) {
		return refuse(line, segment.ReasonUnreadable, fmt.Sprintf("it has %s, the header %d", people.Of(n, "cell"), len(r.keys)))
	}
	row := Row{Profile: r.word(r.at.profile), Segment: cmp.Or(r.word(r.at.segment), r.o.Segment), Change: r.o.Change}
	if change := r.word(r.at.change); change != "" {
		var ok bool
		if row.Change, ok = changeOf(change); !ok {
			return refuse(line, segment.ReasonSchema, noChange)
		}
	}
	a := append(r.attributes[:0], '{')
	for i, key := range r.keys {
		if key == nil {
			continue
		}
		if len(a) > 1 {
			a = append(a, ',')
		}
		a = append(a, key...)
		if cell := r.rec.field(i); len(cell) > 0 {
			a = segment.AppendQuoted(a, cell)
		} else {
			a = append(a, "null"...)
		}
	}
	r.attributes = append(a, '}')
	row.Attributes = r.attributes
	return Item{Line: line, Row: row}
}
