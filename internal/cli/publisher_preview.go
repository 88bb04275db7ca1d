package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/contact"
	"rollcall/internal/mapping"
	"rollcall/internal/publish"
)

// previewedRow is one of the first rows as it would be published.
type previewedRow struct {
	File         string          `json:"file"`
	Line         int             `json:"line"`
	Event        json.RawMessage `json:"event,omitempty"`
	Refused      string          `json:"refused,omitempty"`
	Destinations []outlook       `json:"destinations,omitempty"`
}

// outlook is what a destination would make of an event.
type outlook struct {
	Destination string   `json:"destination"`
	Selected    bool     `json:"selected"`
	Email       string   `json:"email,omitempty"`
	Fields      []string `json:"fields,omitempty"` // that have a value
	Reason      string   `json:"reason,omitempty"` // of its dead letter
	Detail      string   `json:"detail,omitempty"`
}

// errEnough ends the reading for a preview.
var errEnough = errors.New("enough rows")

// preview shows the first rows of each file. It needs no broker, and its rows name persons: they are the caller's own.
func (in *input) preview(f *inputFlags) error {
	in.report.begin(&f.publisherFlags)
	maker, rows := publish.NewPreview(f.source), []previewedRow{}
	for _, name := range in.files {
		from, shown, err := in.open(name)
		if err != nil {
			return err
		}
		options, left := in.options, f.preview
		options.Name = name
		options.Header = func(h publish.Header) error {
			_ = in.judge.header(shown, h) // what --strict forbids is not to publish
			return nil
		}
		err = publish.Read(from, options, func(item publish.Item) error {
			rows = append(rows, in.previewed(maker, shown, &item))
			if left--; left == 0 {
				return errEnough
			}
			return nil
		})
		_ = from.Close() // it was read only
		switch {
		case errors.Is(err, publish.ErrInput):
			return &ExitError{Status: Misuse, Err: fmt.Errorf("%s: %w", shown, err)}
		case err != nil && !errors.Is(err, errEnough):
			return fmt.Errorf("%s: %w", shown, err)
		}
	}
	return in.shown(rows)
}

func (in *input) shown(rows []previewedRow) error {
	in.report.preview = rows
	var err error
	if in.env.json {
		err = in.report.print(in.env, nil)
	} else {
		err = printPreview(in.env.Stdout, rows)
	}
	refused := slices.ContainsFunc(rows, func(r previewedRow) bool { return r.Refused != "" })
	if err == nil && (refused || in.judge.strict && len(in.report.warnings) > 0) {
		return no()
	}
	return err
}

func (in *input) previewed(maker *publish.Preview, shown string, item *publish.Item) previewedRow {
	row := previewedRow{File: shown, Line: item.Line}
	err := item.Err
	if err == nil {
		err = in.judge.row(item)
	}
	if err == nil {
		row.Event, err = maker.Event(item)
	}
	if err != nil {
		row.Refused = err.Error()
		return row
	}
	for i := range in.judge.destinations {
		row.Destinations = append(row.Destinations, outlookOf(&in.judge.destinations[i], item))
	}
	return row
}

// outlookOf maps an event as a destination would. Which type a custom field has is the account's to say, so those are taken as text.
func outlookOf(d *config.Destination, item *publish.Item) outlook {
	o := outlook{Destination: d.ID, Selected: slices.Contains(d.Segments, item.Row.Segment)}
	if !o.Selected || item.Erased {
		return o
	}
	spec := mapping.Spec{EmailAttribute: d.Mapping.Email, OmitBad: d.OmitBad()}
	for _, f := range d.Mapping.Mapped() {
		spec.Fields = append(spec.Fields, mapping.Field{Name: f.Name, Attribute: f.Attribute, Custom: f.Custom})
	}
	m, err := mapping.New(spec)
	if err != nil {
		o.Detail = err.Error()
		return o
	}
	res := m.Map(nil, item.Row.Attributes)
	o.Email, o.Reason, o.Detail = string(res.Email), string(res.Reason), res.Detail
	for i := range spec.Fields {
		if contact.Mask(res.Fields)&(1<<i) != 0 {
			o.Fields = append(o.Fields, spec.Fields[i].Name)
		}
	}
	return o
}

func printPreview(to io.Writer, rows []previewedRow) error {
	var out strings.Builder
	for _, row := range rows {
		if row.Refused != "" {
			fmt.Fprintf(&out, "%s:%d: refused, %s\n", row.File, row.Line, row.Refused)
			continue
		}
		fmt.Fprintf(&out, "%s:%d: %s\n", row.File, row.Line, oneLine(string(row.Event)))
		for _, o := range row.Destinations {
			fmt.Fprintf(&out, "  %s: %s\n", o.Destination, oneLine(o.text()))
		}
	}
	out.WriteString("a preview: nothing was published\n")
	_, err := io.WriteString(to, out.String())
	return err
}

func (o *outlook) text() string {
	switch {
	case !o.Selected:
		return "does not select the segment"
	case o.Reason != "":
		return "a dead letter, " + o.Reason + ": " + o.Detail
	case o.Email == "":
		return "no contact: " + o.Detail
	case len(o.Fields) == 0:
		return "contact " + o.Email
	}
	return "contact " + o.Email + " with " + strings.Join(o.Fields, ", ")
}
