// Package translate makes ledger rows of events: it decodes one event, maps its attributes, and says what is wrong with it.
//
// It guarantees that an event whose segment, profile and change can be read becomes a row in any case, because only its fields can be
// wrong (H6), that a dead letter names fields and never a value (I12), and that the same event always becomes the same row (I14). It
// does not read the stream, publish dead letters or fold: the pipeline does.
package translate

import (
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/segment"
)

// Message is one message of the event stream.
type Message struct {
	Subject  string
	Header   map[string][]string
	Body     []byte
	Sequence uint64
	Time     time.Time // when the broker stored it
}

// marker reports whether the broker left the message in place of others that it removed: it is no event, and nobody's letter.
func (m *Message) marker() bool {
	values := m.Header["Nats-Marker-Reason"]
	return len(m.Body) == 0 && len(values) > 0 && values[0] != ""
}

// DeadLetter is why an event, or its fields, are set aside.
type DeadLetter struct {
	ProfileKey string // empty if no profile can be read
	Reason     segment.Reason
	Detail     string
	// FieldsOfExit says that only the fields of an exit are wrong: if the exit leaves Profile in no segment but Segment, nobody
	// looks at them, and no letter is due.
	FieldsOfExit bool
	Profile      []byte
	Segment      uint16
}

// Translation is what one message means for a destination. Its parts are valid until the next call.
type Translation struct {
	Row     record.Row
	Folds   bool // Row is to be folded
	Letter  *DeadLetter
	Passed  bool // a message of the broker's own
	Dead    bool // an event that changes nothing
	Kind    segment.Kind
	Omitted int // values that were bad and left out
}

// Translator translates for one destination. It is used by one goroutine at a time.
type Translator struct {
	segments map[string]uint16
	mapper   *mapping.Mapper
	decoder  segment.Decoder
	fields   []byte
}

// New returns a translator that maps by spec, whose fields have their places in the ledger. segments are the destination's, by
// name, with their numbers in the ledger; an event of another segment is nobody's here.
func New(spec mapping.Spec, segments map[string]uint16) (*Translator, error) {
	mapper, err := mapping.New(spec)
	if err != nil {
		return nil, err
	}
	return &Translator{segments: segments, mapper: mapper}, nil
}

// Event translates one message. A refresh's Until is the refresh itself: who reads the stream knows what lies behind it.
func (t *Translator) Event(m *Message) Translation {
	if m.marker() {
		return Translation{Passed: true}
	}
	ev, problem := t.decoder.Decode(m.Subject, m.Header, m.Body)
	out := Translation{Kind: ev.Kind, Row: record.Row{Sequence: m.Sequence, Time: m.Time.UnixMilli(), Profile: ev.Profile}}
	if problem != nil {
		named, key := names(m, &ev)
		if _, ours := t.segments[named]; named != "" && !ours {
			return Translation{Kind: ev.Kind} // another destination's
		}
		out.Letter = &DeadLetter{ProfileKey: key, Reason: problem.Reason, Detail: problem.Detail}
		if !problem.Fold {
			out.Dead = true
			t.seen(&out, named, key)
			return out
		}
	}
	switch ev.Kind {
	case segment.Membership:
		t.membership(&out, &ev)
	case segment.Refreshed:
		number, ours := t.segments[string(ev.Segment)]
		out.Folds = ours
		out.Row.Kind, out.Row.Segment, out.Row.First, out.Row.Count = record.RowRefreshed, number, ev.FirstSequence, ev.Count
		out.Row.Until = m.Sequence
	case segment.Erased:
		out.Folds = true
		out.Row.Kind = record.RowErased
		for _, e := range ev.Emails {
			if email, ok := contact.Normalize(nil, e); ok {
				out.Row.Emails = append(out.Row.Emails, email)
			}
		}
	default:
	}
	return out
}

// membership maps the attributes. The membership counts whatever is wrong with its fields.
func (t *Translator) membership(out *Translation, ev *segment.Event) {
	number, ours := t.segments[string(ev.Segment)]
	if !ours {
		return
	}
	row := &out.Row
	out.Folds = true
	row.Segment, row.Entered = number, ev.Change == segment.Entered
	row.Carries = row.Entered || len(ev.Attributes) > 0 && !emptyObject(ev.Attributes)
	if !row.Carries || out.Letter != nil {
		return
	}
	res := t.mapper.Map(t.fields[:0], ev.Attributes)
	t.fields = res.Fields
	row.Email, row.Fields, row.Bad = res.Email, res.Fields, res.Reason == segment.ReasonBadValue
	out.Omitted = res.Omitted
	if res.Reason != "" {
		out.Letter = &DeadLetter{
			ProfileKey: string(segment.ProfileKey(nil, ev.Profile)), Reason: res.Reason, Detail: res.Detail,
			FieldsOfExit: !row.Entered, Profile: slices.Clone(row.Profile), Segment: row.Segment,
		}
	}
}

func emptyObject(raw []byte) bool {
	for _, c := range raw[1 : len(raw)-1] {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// names tells the segment and the profile key of an event that is set aside, from what of it could be read, or from its subject:
// rows of a keyed stream are keyed by it.
func names(m *Message, ev *segment.Event) (name, key string) {
	subject := segment.ParseSubject(m.Subject)
	name, key = subject.Segment, subject.ProfileKey
	if len(ev.Segment) > 0 && !subject.Keyed {
		name = string(ev.Segment)
	}
	if len(ev.Profile) > 0 && key == "" {
		key = string(segment.ProfileKey(nil, ev.Profile))
	}
	return name, key
}

// seen counts a dead letter towards a refresh if its segment and profile can be read.
func (t *Translator) seen(out *Translation, name, key string) {
	number, ours := t.segments[name]
	if !ours || key == "" {
		return
	}
	out.Folds = true
	out.Row.Kind, out.Row.Segment, out.Row.Profile = record.RowSeen, number, []byte(key)
}

// ProfileKey is the subject key of the profile that an event names; `~` if it names none.
func ProfileKey(m *Message) string {
	var d segment.Decoder
	ev, _ := d.Decode(m.Subject, m.Header, m.Body)
	if len(ev.Profile) == 0 {
		return "~"
	}
	return string(segment.ProfileKey(nil, ev.Profile))
}
