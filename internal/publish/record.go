package publish

import "bytes"

// record is a CSV record (RFC 4180, with any delimiter) as its lines come in.
type record struct {
	comma byte
	text  []byte // the cells, without quotes, one behind the other
	ends  []int  // of the cells, in text
	open  bool   // a quoted cell goes on in the next line
}

func (r *record) reset() { r.text, r.ends, r.open = r.text[:0], r.ends[:0], false }

func (r *record) field(i int) []byte {
	start := 0
	if i > 0 {
		start = r.ends[i-1]
	}
	return r.text[start:r.ends[i]]
}

// feed takes one line, and says what is wrong with it.
func (r *record) feed(line []byte) (problem string) {
	if r.open {
		r.text = append(r.text, '\n')
		if line, problem = r.quoted(line); line == nil {
			return problem
		}
	}
	for line != nil && problem == "" {
		if len(line) > 0 && line[0] == '"' {
			line, problem = r.quoted(line[1:])
		} else {
			line, problem = r.plain(line)
		}
	}
	return problem
}

// plain reads a cell without quotes, and returns what stands behind its comma, or nil.
func (r *record) plain(line []byte) (rest []byte, problem string) {
	cell, rest, more := cutByte(line, r.comma)
	if bytes.IndexByte(cell, '"') >= 0 {
		return nil, "a quote stands inside a cell that is not quoted"
	}
	r.text = append(r.text, cell...)
	r.ends = append(r.ends, len(r.text))
	if !more {
		return nil, ""
	}
	return rest, ""
}

// quoted reads on inside of a quoted cell, and returns what stands behind its comma, or nil.
func (r *record) quoted(line []byte) (rest []byte, problem string) {
	for {
		quote := bytes.IndexByte(line, '"')
		if r.open = quote < 0; r.open {
			r.text = append(r.text, line...)
			return nil, ""
		}
		r.text = append(r.text, line[:quote]...)
		if line = line[quote+1:]; len(line) == 0 || line[0] != '"' {
			break
		}
		r.text = append(r.text, '"')
		line = line[1:]
	}
	r.ends = append(r.ends, len(r.text))
	switch {
	case len(line) == 0:
		return nil, ""
	case line[0] == r.comma:
		return line[1:], ""
	}
	return nil, "something stands behind the closing quote of a cell"
}

func cutByte(line []byte, c byte) (before, after []byte, found bool) {
	if at := bytes.IndexByte(line, c); at >= 0 {
		return line[:at], line[at+1:], true
	}
	return line, nil, false
}
