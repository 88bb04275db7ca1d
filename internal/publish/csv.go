package publish

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

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
	raw   []byte // the record's lines
	line  int    // how long the first of them is in raw

	columns    *layout // nil until the header is read
	attributes []byte
}

func readCSV(l *lines, o ReadOptions, yield func(Item) error) (err error) {
	r := &csvReader{lines: l, o: o, rec: record{comma: o.Delimiter}}
	if o.Delimiter == 0 {
		if r.rec.comma, err = findDelimiter(l); err != nil {
			return err
		}
	}
	for {
		line, err := r.next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			if r.columns == nil {
				return fmt.Errorf("%w: it has no header", ErrInput)
			}
			return nil
		case errors.As(err, &bad) && r.columns == nil:
			err = fmt.Errorf("%w: line %d, the header: %s", ErrInput, line, bad.Detail)
		case err == nil && r.columns == nil:
			err = r.header(line)
		case bad != nil:
			err = yield(r.kept(Item{Line: line, Err: bad}))
		case err == nil:
			err = yield(r.kept(r.item(line)))
		}
		if err != nil {
			return err
		}
	}
}

// kept adds the record as it was.
func (r *csvReader) kept(item Item) Item {
	if len(r.raw) <= maxLine {
		item.Raw = r.raw
	}
	return item
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
			r.giveBack(more)
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
		r.keep(one, len(more) == 0)
		size += len(one.text) + 32
		if problem := r.feed(one, size); problem != "" {
			r.giveBack(more)
			return first, &RowError{segment.ReasonUnreadable, problem}
		}
		if !r.rec.open {
			return first, nil
		}
	}
}

// giveBack makes a broken record its first line alone.
func (r *csvReader) giveBack(more []line) {
	r.lines.unread(more)
	if len(more) > 0 {
		r.raw = r.raw[:r.line]
	}
}

// keep notes a line as it was.
func (r *csvReader) keep(one line, first bool) {
	switch {
	case !r.o.KeepRaw:
		return
	case first:
		r.raw = r.raw[:0]
	case len(r.raw) <= maxLine:
		r.raw = append(r.raw, '\n')
	}
	if len(r.raw) <= maxLine {
		r.raw = append(r.raw, one.text...)
	}
	if first {
		r.line = len(r.raw)
	}
}

func (r *csvReader) feed(one line, size int) (problem string) {
	if one.long || size > maxLine {
		return "it is longer than 1 MiB, or a quote is never closed"
	}
	if problem := r.lines.problem(one.text); problem != "" {
		return problem
	}
	return r.rec.feed(one.text)
}

// header reads the names of the columns.
func (r *csvReader) header(line int) error {
	names := make([]string, len(r.rec.ends))
	for i := range names {
		names[i] = strings.TrimSpace(string(r.rec.field(i)))
	}
	columns, err := r.o.Columns.arrange(names)
	switch {
	case err != nil:
		return fmt.Errorf("%w: line %d, the header: %w", ErrInput, line, err)
	case columns.segment < 0 && r.o.Segment == "":
		return fmt.Errorf("%w: there is neither a column %s nor a --segment", ErrInput, segmentColumn)
	case columns.change < 0 && r.o.Change == 0:
		return fmt.Errorf("%w: there is neither a column %s nor a --change", ErrInput, changeColumn)
	}
	r.columns = columns
	if r.o.Header != nil {
		return r.o.Header(columns.header(r.rec.comma))
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
	c := r.columns
	if n := len(r.rec.ends); n != c.width {
		return refuse(line, segment.ReasonUnreadable, fmt.Sprintf("it has %s, the header %d", people.Of(n, "cell"), c.width))
	}
	row := Row{Profile: r.word(c.profile), Segment: cmp.Or(r.word(c.segment), r.o.Segment), Change: r.o.Change}
	if c.email >= 0 {
		id, bad := IDFromEmail(r.rec.field(c.cells[c.email].column))
		if bad != nil {
			return Item{Line: line, Err: bad}
		}
		row.Profile = id
	}
	if change := r.word(c.change); change != "" {
		var ok bool
		if row.Change, ok = changeOf(change); !ok {
			return refuse(line, segment.ReasonSchema, noChange)
		}
	}
	row.Attributes = r.object()
	return Item{Line: line, Row: row}
}

// object is the record's attributes.
func (r *csvReader) object() []byte {
	a := append(r.attributes[:0], '{')
	for i := range r.columns.cells {
		c := &r.columns.cells[i]
		if i > 0 {
			a = append(a, ',')
		}
		a = append(a, c.key...)
		if text := r.rec.field(c.column); len(text) > 0 {
			a = segment.AppendQuoted(a, text)
		} else {
			a = append(a, "null"...)
		}
	}
	r.attributes = append(a, '}')
	return r.attributes
}
