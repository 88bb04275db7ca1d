package publish

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"rollcall/internal/segment"
)

// jsonReader turns lines into rows: events, whose envelope is made anew, and profiles.
type jsonReader struct {
	o       ReadOptions
	decoder segment.Decoder
	visit   func(key, value []byte)

	in members
}

// members are those of a line that are needed, as they stand.
type members struct {
	event                                         bool // the line is one
	profile, segment, change, attributes, instant []byte
	beside                                        string // a member of a profile that is none of these
}

func readNDJSON(l *lines, o ReadOptions, yield func(Item) error) error {
	r := &jsonReader{o: o}
	r.visit = r.member
	for {
		one, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text := bytes.TrimSpace(one.text)
		if len(text) == 0 && !one.long {
			continue
		}
		item := refuse(0, segment.ReasonTooLarge, "the line is longer than 1 MiB")
		if !one.long {
			item = r.item(l, text)
		}
		item.Line = one.number
		if o.KeepRaw && !one.long {
			item.Raw = one.text
		}
		if err := yield(item); err != nil {
			return err
		}
	}
}

// member notes what of a line is needed.
func (r *jsonReader) member(key, value []byte) {
	name, _ := segment.Unquote(nil, key)
	switch string(name) {
	case "specversion":
		r.in.event = true
	case profileColumn:
		r.in.profile = value
	case segmentColumn:
		r.in.segment = value
	case changeColumn:
		r.in.change = value
	case "attributes":
		r.in.attributes = value
	case "time":
		r.in.instant = value
	default:
		if r.in.beside == "" {
			r.in.beside = string(name)
		}
	}
}

func (r *jsonReader) item(l *lines, text []byte) Item {
	r.in = members{}
	if problem := l.problem(text); problem != "" {
		return refuse(0, segment.ReasonUnreadable, problem)
	}
	if segment.ScanObject(text, r.visit) != nil {
		return refuse(0, segment.ReasonUnreadable, segment.Fault("the line", text))
	}
	if r.in.event {
		return r.asEvent(text)
	}
	return r.asProfile()
}

// asEvent takes what an event says; its id and source are its publisher's, and another publication needs others.
func (r *jsonReader) asEvent(text []byte) Item {
	event, problem := r.decoder.Decode("", nil, text)
	if problem != nil {
		return Item{Err: &RowError{problem.Reason, problem.Detail}}
	}
	item := Item{Event: true, Row: Row{Profile: string(event.Profile)}}
	switch event.Kind {
	case segment.Membership:
		if event.Change == segment.Entered && Padded(item.Row.Profile) { // whoever was entered so has to be able to leave
			return refuse(0, segment.ReasonSchema, padded)
		}
		item.Row.Segment, item.Row.Change, item.Row.Attributes = string(event.Segment), event.Change, event.Attributes
		var ok bool
		if item.Row.Time, ok = r.time(); !ok {
			return refuse(0, segment.ReasonSchema, "time is no RFC 3339 time")
		}
	case segment.Erased:
		item.Erased = true
		for _, email := range event.Emails {
			item.Emails = append(item.Emails, string(email))
		}
	case segment.Refreshed, segment.Unknown:
		return refuse(0, segment.ReasonUnknownType, "a refreshed event holds for the stream that it stands in: `publisher refresh` makes one")
	}
	return item
}

// time is when the event happened, zero where it does not say so; false where it says something else.
func (r *jsonReader) time() (at time.Time, ok bool) {
	if len(r.in.instant) == 0 || string(r.in.instant) == "null" {
		return time.Time{}, true
	}
	text, ok := jsonText(r.in.instant)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text)) // t and z may be small
	return at, err == nil && at.Year() >= 1 && at.Year() <= 9999
}

// asProfile reads {profile_id, attributes}, and segment_id and change where they are there.
func (r *jsonReader) asProfile() Item {
	row := Row{Segment: r.o.Segment, Change: r.o.Change}
	if row.Change == 0 {
		row.Change = segment.Entered
	}
	var ok bool
	if row.Profile, ok = jsonText(r.in.profile); !ok {
		return refuse(0, segment.ReasonSchema, segment.NoText(profileColumn, r.in.profile))
	}
	if Padded(row.Profile) {
		return refuse(0, segment.ReasonSchema, padded)
	}
	if r.in.segment != nil {
		if row.Segment, ok = jsonText(r.in.segment); !ok {
			return refuse(0, segment.ReasonSchema, segment.NoText(segmentColumn, r.in.segment))
		}
	}
	if row.Segment == "" {
		return refuse(0, segment.ReasonSchema, "there is neither a segment_id nor a --segment")
	}
	if r.in.change != nil {
		change, text := jsonText(r.in.change)
		if !text {
			return refuse(0, segment.ReasonSchema, segment.NoText(changeColumn, r.in.change))
		}
		if row.Change, ok = changeOf(change); !ok {
			return refuse(0, segment.ReasonSchema, noChange)
		}
	}
	if string(r.in.attributes) != "null" {
		row.Attributes = r.in.attributes
	}
	if row.Attributes == nil && r.in.beside != "" { // they would be lost without a word
		return refuse(0, segment.ReasonSchema, "there are no attributes, and other members stand beside profile_id: put them into attributes")
	}
	return Item{Row: row}
}

// jsonText is the text of a JSON string; false where the value is none.
func jsonText(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	text, _ := segment.Unquote(nil, value)
	return string(text), true
}
