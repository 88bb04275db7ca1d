package segment

import (
	"strconv"
	"unicode/utf8"
)

// Decoder reads events. One goroutine uses it; its scratch is what lets it read without allocating.
type Decoder struct {
	scratch []byte
	key     []byte
	plain   bool // the envelope came in headers: its members are texts, not JSON
	env     envelope
	data    payload
	// The visitors are made once: a closure for each event would be an allocation each.
	visitEnvelope, visitData func(key, value []byte)
}

// envelope is the members of a CloudEvent as they stand.
type envelope struct {
	specversion, id, source, kind, data []byte
	dataBase64                          bool
}

// payload is the members of data as they stand.
type payload struct {
	segment, profile, change, attributes, first, count, emails []byte
}

func (d *Decoder) init() {
	if d.visitEnvelope != nil {
		return
	}
	d.visitEnvelope = func(key, value []byte) {
		switch string(d.name(key)) {
		case "specversion":
			d.env.specversion = value
		case "id":
			d.env.id = value
		case "source":
			d.env.source = value
		case "type":
			d.env.kind = value
		case "data":
			d.env.data = value
		case "data_base64":
			d.env.dataBase64 = true
		}
	}
	d.visitData = func(key, value []byte) {
		switch string(d.name(key)) {
		case "segment_id":
			d.data.segment = value
		case "profile_id":
			d.data.profile = value
		case "change":
			d.data.change = value
		case "attributes":
			d.data.attributes = value
		case "first_sequence":
			d.data.first = value
		case "count":
			d.data.count = value
		case "emails":
			d.data.emails = value
		}
	}
}

// name returns the text of a quoted key.
func (d *Decoder) name(quoted []byte) []byte {
	var text []byte
	text, d.scratch = Unquote(d.scratch, quoted)
	return text
}

// Decode reads one event, structured or binary. The header may be nil. The event holds what could be
// read also where there is a problem; a problem without Fold changes no membership.
func (d *Decoder) Decode(subject string, header map[string][]string, body []byte) (Event, *Problem) {
	d.init()
	d.scratch, d.plain, d.env, d.data = d.scratch[:0], false, envelope{}, payload{}
	var ev Event
	if len(body) > MaxBody {
		return ev, problem(ReasonTooLarge, "the body has "+strconv.Itoa(len(body))+" bytes, more than "+strconv.Itoa(MaxBody))
	}
	if !utf8.Valid(body) {
		return ev, problem(ReasonUnreadable, "the body is not UTF-8")
	}
	if p := d.open(header, body); p != nil {
		return ev, p
	}
	return ev, d.event(subject, &ev)
}

func problem(reason Reason, detail string) *Problem { return &Problem{Reason: reason, Detail: detail} }

// event judges what was read.
func (d *Decoder) event(subject string, ev *Event) *Problem {
	if kind, ok := d.attribute(d.env.kind); !ok {
		return problem(ReasonSchema, d.noText("type", d.env.kind))
	} else if ev.Kind = kindOf(kind); ev.Kind == Unknown {
		return problem(ReasonUnknownType, "the type is none that this build knows")
	}
	var ok [4]bool
	segment, _ := d.text(d.data.segment)
	if ok[0] = ValidToken(segment); ok[0] {
		ev.Segment = segment
	}
	profile, _ := d.text(d.data.profile)
	if ok[1] = validProfile(profile); ok[1] {
		ev.Profile = profile
	}
	ev.ID, ok[2] = d.attribute(d.env.id)
	ev.Source, ok[3] = d.attribute(d.env.source)
	switch {
	case !ok[2] || len(ev.ID) == 0:
		return problem(ReasonSchema, d.noText("id", d.env.id))
	case !ok[3] || len(ev.Source) == 0:
		return problem(ReasonSchema, d.noText("source", d.env.source))
	case len(d.env.data) == 0 || d.env.data[0] != '{':
		return problem(ReasonSchema, noOther("data", "object", d.env.data))
	case !ok[0] && ev.Kind != Erased:
		return problem(ReasonSchema, noSegment("data.segment_id", d.data.segment, segment))
	case !ok[1] && ev.Kind != Refreshed:
		return problem(ReasonSchema, noProfile("data.profile_id", d.data.profile, profile))
	}
	if p := d.agrees(subject, ev); p != nil {
		return p
	}
	switch ev.Kind {
	case Refreshed:
		return d.refreshed(subject, ev)
	case Erased:
		return d.erased(ev)
	default:
		return d.membership(ev)
	}
}

func kindOf(name []byte) Kind {
	switch string(name) {
	case TypeMembership:
		return Membership
	case TypeRefreshed:
		return Refreshed
	case TypeErased:
		return Erased
	}
	return Unknown
}

func (d *Decoder) membership(ev *Event) *Problem {
	change, _ := d.text(d.data.change)
	switch string(change) {
	case "entered":
		ev.Change = Entered
	case "exited":
		ev.Change = Exited
	case "":
		return problem(ReasonSchema, NoText("data.change", d.data.change))
	default:
		return problem(ReasonSchema, "data.change is neither entered nor exited")
	}
	a := d.data.attributes
	switch {
	case len(a) == 0 || string(a) == "null":
		if ev.Change == Entered {
			return &Problem{Reason: ReasonSchema, Detail: noOther("data.attributes", "object", a) + " on entered", Fold: true}
		}
	case a[0] != '{':
		return &Problem{Reason: ReasonSchema, Detail: noOther("data.attributes", "object", a), Fold: true}
	default:
		ev.Attributes = a
	}
	return nil
}

func (d *Decoder) refreshed(subject string, ev *Event) *Problem {
	var ok bool
	if ev.FirstSequence, ok = whole(d.data.first); !ok {
		return problem(ReasonSchema, noOther("data.first_sequence", "whole number", d.data.first))
	}
	if ev.Count, ok = whole(d.data.count); !ok {
		return problem(ReasonSchema, noOther("data.count", "whole number", d.data.count))
	}
	if s := ParseSubject(subject); s.Kind == Refreshed && s.First != strconv.FormatUint(ev.FirstSequence, 10) {
		return problem(ReasonSubjectMismatch, "the subject's first sequence is not data.first_sequence")
	}
	return nil
}

func (d *Decoder) erased(ev *Event) *Problem {
	list := d.data.emails
	if len(list) == 0 || string(list) == "null" {
		return nil
	}
	if list[0] != '[' {
		return problem(ReasonSchema, noOther("data.emails", "array", list))
	}
	for i := skipSpace(list, 1); i < len(list) && list[i] != ']'; {
		end := scanValue(list, i, 1)
		email, ok := d.text(list[i:end])
		if !ok {
			return problem(ReasonSchema, "data.emails holds something that is no text")
		}
		ev.Emails = append(ev.Emails, email)
		if i = skipSpace(list, end); list[i] == ',' {
			i = skipSpace(list, i+1)
		}
	}
	return nil
}

// agrees holds the subject's tokens against the data. Subjects of other forms are not judged.
func (d *Decoder) agrees(subject string, ev *Event) *Problem {
	s := ParseSubject(subject)
	if s.Kind == Unknown {
		return nil
	}
	if s.Kind != ev.Kind {
		return problem(ReasonSubjectMismatch, "the subject is one of another type of event")
	}
	if s.Kind != Erased && s.Segment != string(ev.Segment) {
		return problem(ReasonSubjectMismatch, "the subject's segment is not data.segment_id")
	}
	if s.Kind == Membership && !s.Keyed || s.Kind == Refreshed {
		return nil
	}
	if s.ProfileKey == string(ev.Profile) && ValidToken(ev.Profile) {
		return nil
	}
	if d.key = ProfileKey(d.key[:0], ev.Profile); s.ProfileKey != string(d.key) {
		return problem(ReasonSubjectMismatch, "the subject's profile key is not that of data.profile_id")
	}
	return nil
}

// text returns the text of a JSON string; false where the value is none.
func (d *Decoder) text(value []byte) ([]byte, bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	var text []byte
	text, d.scratch = Unquote(d.scratch, value)
	return text, true
}

// validProfile reports whether id is 1 to 200 code points without control characters.
func validProfile(id []byte) bool {
	if len(id) == 0 || len(id) > 800 {
		return false
	}
	n := 0
	for i := 0; i < len(id); n++ {
		if c := id[i]; c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(id[i:])
		if r >= 0x80 && r <= 0x9f {
			return false
		}
		i += size
	}
	return n <= 200
}
