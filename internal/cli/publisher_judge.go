package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/publish"
	"rollcall/internal/segment"
)

// errStrict ends a publication that --strict forbids.
var errStrict = errors.New("--strict: the file's rows were not published, for what was told above")

// judge holds an input against the destinations of the configuration file: what nobody would make anything of is told.
type judge struct {
	env          *Env
	report       *publisherReport
	destinations []config.Destination
	path         string // of the file that they stand in
	segment      string // --segment
	strict       bool
	known        map[string]bool // segments that were judged, and whether somebody selects them
}

func (j *judge) warn(text string) {
	j.report.warnings = append(j.report.warnings, text)
	j.report.progress.clear()
	j.env.tell("warn", text, nil)
}

// selected reports whether a destination selects the segment. The first time that none does, it is told.
func (j *judge) selected(id string) bool {
	if len(j.destinations) == 0 {
		return true
	}
	if known, judged := j.known[id]; judged {
		return known
	}
	found := slices.ContainsFunc(j.destinations, func(d config.Destination) bool { return slices.Contains(d.Segments, id) })
	if j.known[id] = found; !found && segment.NoSegment(id) == "" {
		j.warn(fmt.Sprintf("no destination of %s selects the segment %s", j.path, id))
	}
	return found
}

// header judges the columns of a file, before its first row.
func (j *judge) header(file string, h publish.Header) error {
	before := len(j.report.warnings)
	alone := j.segment != "" && !h.Segment // every row is of --segment
	if alone {
		j.selected(j.segment)
	}
	for i := range j.destinations {
		d := &j.destinations[i]
		if alone && !slices.Contains(d.Segments, j.segment) {
			continue
		}
		var lacking []string
		for _, attribute := range mapped(d) {
			if !slices.Contains(h.Attributes, attribute) && !slices.Contains(lacking, attribute) {
				lacking = append(lacking, attribute)
			}
		}
		if len(lacking) > 0 {
			j.warn(fmt.Sprintf("destination %s maps %s, which no column of %s gives", d.ID, strings.Join(lacking, ", "), file))
		}
	}
	if j.strict && len(j.report.warnings) > before {
		return errStrict
	}
	return nil
}

// mapped are the attributes that a destination names. Where it names none, seven are looked at, and only the e-mail has to be there.
func mapped(d *config.Destination) []string {
	attributes := []string{d.Mapping.Email}
	if reflect.DeepEqual(d.Mapping, config.DefaultMapping()) {
		return attributes
	}
	for _, f := range d.Mapping.Mapped() {
		attributes = append(attributes, f.Attribute)
	}
	return attributes
}

// row judges a row whose segment stands in it: with --strict one that nobody selects is refused.
func (j *judge) row(item *publish.Item) error {
	if item.Erased || j.selected(item.Row.Segment) || !j.strict {
		return nil
	}
	return &publish.RowError{Reason: segment.ReasonSchema, Detail: "no destination selects its segment, and --strict was given"}
}
