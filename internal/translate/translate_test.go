package translate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/segment"
)

var stored = time.UnixMilli(1_800_000_000_123)

func translator(t *testing.T, change func(*mapping.Spec)) *Translator {
	t.Helper()
	spec := mapping.Default()
	if change != nil {
		change(&spec)
	}
	tr, err := New(spec, map[string]uint16{"a": 1, "b": 2})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// event is a structured event of a type with its data.
func event(kind, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/s","type":"rollcall.%s","data":{%s}}`, kind, data)
}

func member(change, rest string) string {
	return event("membership.changed.v1", `"segment_id":"a","profile_id":"p1","change":"`+change+`"`+rest)
}

// outcome is what a test looks at of a translation.
type outcome struct {
	Kind                record.RowKind
	Folds, Dead, Pass   bool
	Segment             uint16
	Profile, Email      string
	Entered, Carry, Bad bool
	Reason              segment.Reason
	Key                 string
	OfExit              bool
	Omitted             int
}

func seen(tr Translation) outcome {
	o := outcome{Folds: tr.Folds, Dead: tr.Dead, Pass: tr.Passed, Omitted: tr.Omitted}
	if tr.Folds {
		r := tr.Row
		o.Kind, o.Segment, o.Profile, o.Email = r.Kind, r.Segment, string(r.Profile), string(r.Email)
		o.Entered, o.Carry, o.Bad = r.Entered, r.Carries, r.Bad
	}
	if l := tr.Letter; l != nil {
		o.Reason, o.Key, o.OfExit = l.Reason, l.ProfileKey, l.FieldsOfExit
	}
	return o
}

// What each event means: the row that is folded, and the letter that is due (contract: Events; H6).
func TestWhatAnEventMeans(t *testing.T) {
	const subject = "segments.membership.a.p1"
	long := strings.Repeat("x", 80)
	for _, c := range []struct {
		name, subject, body string
		header              map[string][]string
		spec                func(*mapping.Spec)
		want                outcome
	}{
		{
			name: "somebody enters", subject: subject, body: member("entered", `,"attributes":{"email":"Ada@Example.com"}`),
			want: outcome{Folds: true, Segment: 1, Profile: "p1", Email: "ada@example.com", Entered: true, Carry: true},
		},
		{
			name: "an exit without attributes", subject: subject, body: member("exited", ``),
			want: outcome{Folds: true, Segment: 1, Profile: "p1"},
		},
		{
			name: "an exit whose attributes are empty carries none", subject: subject, body: member("exited", `,"attributes":{ }`),
			want: outcome{Folds: true, Segment: 1, Profile: "p1"},
		},
		{
			name: "an exit with attributes", subject: subject, body: member("exited", `,"attributes":{"email":"ada@example.com"}`),
			want: outcome{Folds: true, Segment: 1, Profile: "p1", Email: "ada@example.com", Carry: true},
		},
		{
			name: "no e-mail: the membership counts all the same", subject: subject, body: member("entered", `,"attributes":{}`),
			want: outcome{Folds: true, Segment: 1, Profile: "p1", Entered: true, Carry: true, Reason: segment.ReasonNoEmail, Key: "p1"},
		},
		{
			name: "a value that is too long: folded, bad and told", subject: subject,
			body: member("entered", `,"attributes":{"email":"ada@example.com","country":"`+long+`"}`),
			want: outcome{
				Folds: true, Segment: 1, Profile: "p1", Email: "ada@example.com", Entered: true, Carry: true, Bad: true,
				Reason: segment.ReasonBadValue, Key: "p1",
			},
		},
		{
			name: "the same value, left out", subject: subject, spec: func(s *mapping.Spec) { s.OmitBad = true },
			body: member("entered", `,"attributes":{"email":"ada@example.com","country":"`+long+`"}`),
			want: outcome{Folds: true, Segment: 1, Profile: "p1", Email: "ada@example.com", Entered: true, Carry: true, Omitted: 1},
		},
		{
			name: "the fields of an exit are wrong: who asks depends on the other segments", subject: subject,
			body: member("exited", `,"attributes":{"email":"nobody"}`),
			want: outcome{Folds: true, Segment: 1, Profile: "p1", Carry: true, Reason: segment.ReasonInvalidEmail, Key: "p1", OfExit: true},
		},
		{
			name: "an entered without attributes counts, with a letter about its schema", subject: subject, body: member("entered", ``),
			want: outcome{Folds: true, Segment: 1, Profile: "p1", Entered: true, Carry: true, Reason: segment.ReasonSchema, Key: "p1"},
		},
		{
			name: "a segment that nobody here selects", subject: "segments.membership.other.p1",
			body: event("membership.changed.v1", `"segment_id":"other","profile_id":"p1","change":"exited"`),
		},
		{
			name: "what can't be read on another destination's subject is another destination's", subject: "segments.membership.other.p1",
			body: `{`,
		},
		{
			name: "what can't be read on a keyed subject counts as seen there", subject: subject, body: `{`,
			want: outcome{
				Folds: true, Dead: true, Kind: record.RowSeen, Segment: 1, Profile: "p1", Reason: segment.ReasonUnreadable, Key: "p1",
			},
		},
		{
			name: "what can't be read on an unkeyed subject names nobody", subject: "segments.membership.a", body: `{`,
			want: outcome{Dead: true, Reason: segment.ReasonUnreadable},
		},
		{
			name: "the subject is of another profile", subject: "segments.membership.a.p2", body: member("exited", ``),
			want: outcome{
				Folds: true, Dead: true, Kind: record.RowSeen, Segment: 1, Profile: "p2", Reason: segment.ReasonSubjectMismatch, Key: "p2",
			},
		},
		{
			name: "a refresh", subject: "segments.refreshed.b.7", body: event("segment.refreshed.v1", `"segment_id":"b","first_sequence":7,"count":3`),
			want: outcome{Folds: true, Kind: record.RowRefreshed, Segment: 2},
		},
		{
			name: "a refresh of a segment that nobody here selects", subject: "segments.refreshed.c.7",
			body: event("segment.refreshed.v1", `"segment_id":"c","first_sequence":7,"count":3`),
		},
		{
			name: "an erasure", subject: "segments.erased.p1",
			body: event("profile.erased.v1", `"profile_id":"p1","emails":["ADA@example.com","none"]`),
			want: outcome{Folds: true, Kind: record.RowErased, Profile: "p1"},
		},
		{
			name: "the broker's marker is no event", subject: subject, header: map[string][]string{"Nats-Marker-Reason": {"MaxAge"}},
			want: outcome{Pass: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Message{Subject: c.subject, Header: c.header, Body: []byte(c.body), Sequence: 9, Time: stored}
			got := translator(t, c.spec).Event(m)
			if diff := cmp.Diff(c.want, seen(got)); diff != "" {
				t.Error(diff)
			}
			if got.Folds && (got.Row.Sequence != 9 || got.Row.Time != stored.UnixMilli()) {
				t.Errorf("the row is of sequence %d at %d", got.Row.Sequence, got.Row.Time)
			}
		})
	}
}

// A refresh is judged at the stream's end; alone it ends at itself. An erasure names the addresses that are some.
func TestWhatARowOfARareEventHolds(t *testing.T) {
	tr := translator(t, nil)
	row := tr.Event(&Message{
		Subject: "segments.refreshed.b.7", Sequence: 9, Time: stored, Body: []byte(event("segment.refreshed.v1", `"segment_id":"b","first_sequence":7,"count":3`)),
	}).Row
	if row.First != 7 || row.Count != 3 || row.Until != 9 {
		t.Errorf("a refresh from %d of %d until %d", row.First, row.Count, row.Until)
	}
	row = tr.Event(&Message{
		Subject: "segments.erased.p1", Sequence: 9, Time: stored, Body: []byte(event("profile.erased.v1", `"profile_id":"p1","emails":["ADA@example.com","none"]`)),
	}).Row
	if len(row.Emails) != 1 || string(row.Emails[0]) != "ada@example.com" {
		t.Errorf("an erasure of %q", row.Emails)
	}
}

// A letter outlives the next event: it is published later.
func TestALetterOutlivesTheNextEvent(t *testing.T) {
	tr := translator(t, nil)
	body := []byte(member("exited", `,"attributes":{"email":"nobody"}`))
	letter := tr.Event(&Message{Subject: "segments.membership.a.p1", Body: body, Sequence: 1, Time: stored}).Letter
	clear(body)
	tr.Event(&Message{Subject: "segments.membership.a.p2", Body: []byte(strings.ReplaceAll(member("exited", ``), "p1", "p2")), Sequence: 2, Time: stored})
	if string(letter.Profile) != "p1" || letter.Segment != 1 || strings.Contains(letter.Detail, "nobody") {
		t.Errorf("the letter is of %q in %d: %s", letter.Profile, letter.Segment, letter.Detail)
	}
}

func TestTheKeyOfAProfile(t *testing.T) {
	for body, want := range map[string]string{
		member("exited", ``): "p1",
		`{`:                  "~",
		strings.Replace(member("exited", ``), "p1", "a b", 1): string(segment.ProfileKey(nil, []byte("a b"))),
	} {
		if got := ProfileKey(&Message{Subject: "segments.membership.a", Body: []byte(body)}); got != want {
			t.Errorf("%s has the key %q, want %q", body, got, want)
		}
	}
}
