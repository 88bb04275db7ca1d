package publish

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/internal/segment"
)

// Columns says what the columns of a CSV file are, where they are not named as attributes are.
type Columns struct {
	Map    []Renaming
	ID     string // the column that holds the profile's id; empty is profile_id
	IDFrom string // the attribute, an e-mail, that ids are made from; empty is none
	Only   bool   // columns that nobody names are left out, instead of being attributes by their own names
}

// Renaming gives a column's cells to an attribute; profile_id, segment_id and change are none, and mean what they always do.
type Renaming struct {
	Column    string
	Attribute string // empty leaves the column out
	Optional  bool   // of a preset: a file may lack the column, and the first of those for one attribute counts
}

// given reports whether anything is said that only a CSV file can be read by.
func (c Columns) given() bool { return len(c.Map) > 0 || c.ID != "" || c.IDFrom != "" }

// Header is what a CSV file's header came to.
type Header struct {
	Attributes []string // that its columns give
	Omitted    []string // columns that are left out
	Segment    bool     // it has a column of segments
	Delimiter  byte
}

// cell is a column that gives an attribute.
type cell struct {
	column int
	name   string
	key    []byte // quoted, with the colon
}

// layout is what the columns of one file are.
type layout struct {
	width                    int
	profile, segment, change int // columns, -1 is none
	cells                    []cell
	email                    int // the cell that ids are made from, -1 is none
	omitted                  []string
	names                    []string
	used                     []bool
	given                    map[string]bool // attributes
	profileGiven             bool            // the id comes from elsewhere than a column named profile_id
}

// arrange lays a file's columns out as c says.
func (c Columns) arrange(names []string) (*layout, error) {
	l := &layout{
		width: len(names), profile: -1, segment: -1, change: -1, email: -1,
		names: names, used: make([]bool, len(names)), given: map[string]bool{}, profileGiven: c.ID != "" || c.IDFrom != "",
	}
	if c.ID != "" {
		at, err := l.find(c.ID)
		if err != nil {
			return nil, fmt.Errorf("--id-column: %w", err)
		}
		l.profile, l.used[at] = at, true
	}
	for _, r := range c.Map {
		if err := l.rename(r); err != nil {
			return nil, err
		}
	}
	for at, name := range names {
		if err := l.rest(at, name, c.Only); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(l.cells, func(a, b cell) int { return a.column - b.column })
	return l, l.identify(c.IDFrom)
}

// find gives the one column of a name.
func (l *layout) find(name string) (int, error) {
	at := slices.Index(l.names, name)
	switch {
	case at < 0:
		for _, other := range l.names {
			if strings.EqualFold(other, name) {
				return 0, fmt.Errorf("there is no column %q: did you mean %q?", name, other)
			}
		}
		return 0, fmt.Errorf("there is no column %q", name)
	case slices.Contains(l.names[at+1:], name):
		return 0, fmt.Errorf("two columns are named %q", name)
	}
	return at, nil
}

func (l *layout) rename(r Renaming) error {
	if r.Optional && (!slices.Contains(l.names, r.Column) || l.taken(r.Attribute)) {
		return nil
	}
	at, err := l.find(r.Column)
	if err != nil {
		return fmt.Errorf("--map: %w", err)
	}
	l.used[at] = true
	if r.Attribute == "" {
		l.omitted = append(l.omitted, r.Column)
		return nil
	}
	if l.taken(r.Attribute) {
		return fmt.Errorf("--map: two columns give %s", r.Attribute)
	}
	l.give(at, r.Attribute)
	return nil
}

// taken reports whether a column gives the attribute, or the id, segment or change, already.
func (l *layout) taken(attribute string) bool {
	switch attribute {
	case profileColumn:
		return l.profile >= 0 || l.profileGiven
	case segmentColumn:
		return l.segment >= 0
	case changeColumn:
		return l.change >= 0
	}
	return l.given[attribute]
}

func (l *layout) give(at int, attribute string) {
	switch attribute {
	case profileColumn:
		l.profile = at
	case segmentColumn:
		l.segment = at
	case changeColumn:
		l.change = at
	default:
		l.given[attribute] = true
		l.cells = append(l.cells, cell{at, attribute, append(segment.AppendQuoted(nil, []byte(attribute)), ':')})
	}
}

// rest takes a column that nobody named.
func (l *layout) rest(at int, name string, only bool) error {
	special := name == profileColumn || name == segmentColumn || name == changeColumn
	switch {
	case l.used[at]:
		return nil
	case special && l.taken(name), only && !special:
		l.omitted = append(l.omitted, name)
		return nil
	case name == "":
		return fmt.Errorf("column %d has no name", at+1)
	case slices.Index(l.names, name) < at:
		return fmt.Errorf("two columns are named %q", name)
	case l.taken(name):
		return fmt.Errorf("the column %q and one of --map give the same attribute: leave it out with --map %q", name, name+"=")
	}
	l.give(at, name)
	return nil
}

// identify settles where the profiles' ids come from.
func (l *layout) identify(from string) error {
	if from == "" {
		if l.profile < 0 {
			return fmt.Errorf("there is no column %s: name the one that holds ids with --id-column, or make ids from the e-mail with --id-from email", profileColumn)
		}
		return nil
	}
	l.email = slices.IndexFunc(l.cells, func(c cell) bool { return c.name == from })
	if l.email < 0 {
		return fmt.Errorf("--id-from %s: no column gives this attribute (--map COLUMN=%s names one)", from, from)
	}
	return nil
}

func (l *layout) header(delimiter byte) Header {
	h := Header{Omitted: l.omitted, Segment: l.segment >= 0, Delimiter: delimiter}
	for _, c := range l.cells {
		h.Attributes = append(h.Attributes, c.name)
	}
	return h
}

// ParseMap reads "Column=attribute". The last equals sign parts them: attributes have none.
func ParseMap(text string) (Renaming, error) {
	at := strings.LastIndexByte(text, '=')
	if at <= 0 {
		return Renaming{}, fmt.Errorf("%q is no COLUMN=ATTRIBUTE", text)
	}
	return Renaming{Column: strings.TrimSpace(text[:at]), Attribute: strings.TrimSpace(text[at+1:])}, nil
}

// ParseMapFile reads one COLUMN=ATTRIBUTE a line; empty lines and those that begin with # are nothing.
func ParseMapFile(text string) ([]Renaming, error) {
	var all []Renaming
	for n, line := range strings.Split(strings.TrimPrefix(text, string(byteOrderMark)), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		r, err := ParseMap(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		all = append(all, r)
	}
	return all, nil
}
