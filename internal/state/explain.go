package state

import (
	"bytes"
	"slices"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/roster"
)

// Story is what the ledger knows of one person: the contact that was asked for, or that the profile asked
// for has had, and the profiles behind it.
type Story struct {
	Contacts []ContactStory `json:"contacts,omitempty"`
	Profiles []ProfileStory `json:"profiles,omitempty"`
	Erased   uint64         `json:"erased_sequence,omitempty"` // events of the profile up to it were erased
}

// ContactStory is how one contact stands.
type ContactStory struct {
	Email   string `json:"email"`
	Desired bool   `json:"desired"`
	Listed  bool   `json:"listed"`           // SendGrid confirmed it on the list
	State   string `json:"state"`            // clean, or where a dirty contact is kept
	PutBy   string `json:"put_by,omitempty"` // rollcall, or adopted; empty is neither

	Due       *time.Time `json:"due,omitempty"`       // until when it is in its window
	Turn      int        `json:"turn,omitempty"`      // its place among the waiting, from one
	Place     uint64     `json:"place,omitempty"`     // sequence that made it desired
	Source    uint64     `json:"source,omitempty"`    // sequence of the event that set its fields
	Operation string     `json:"operation,omitempty"` // on its way or in doubt
	Batch     uint64     `json:"batch,omitempty"`     // as in the receipts
	Job       string     `json:"job,omitempty"`       // SendGrid's
	Doubt     *time.Time `json:"doubt_until,omitempty"`
	Reason    string     `json:"reason,omitempty"`     // of a refusal
	Oldest    *time.Time `json:"changed_at,omitempty"` // the first change that is not applied yet
	Since     *time.Time `json:"listed_since,omitempty"`
	Added     *time.Time `json:"added_at,omitempty"` // Rollcall last tried to add or update it
	Erasing   bool       `json:"erasing,omitempty"`  // it is being deleted from the account
	Replay    string     `json:"replay,omitempty"`   // how a replay or back-fill has it
}

// ProfileStory is one profile's memberships.
type ProfileStory struct {
	Profile     string            `json:"profile"`
	Holds       string            `json:"holds,omitempty"` // the e-mail that it keeps desired
	Memberships []MembershipStory `json:"memberships"`
	Past        []string          `json:"past,omitempty"` // e-mails that it held before
	Departed    *time.Time        `json:"departed_at,omitempty"`
}

// MembershipStory is the latest event of a profile in a segment.
type MembershipStory struct {
	Segment    string `json:"segment"`
	In         bool   `json:"in"`
	Sequence   uint64 `json:"sequence"`
	Attributes bool   `json:"attributes"` // the event had attributes
	Email      string `json:"email,omitempty"`
	Held       bool   `json:"held,omitempty"` // it was swept, or its segment taken away, and the guard holds that
}

// storyProfiles bounds how many profiles one answer names.
const storyProfiles = 20

// Explain tells what is known of a profile's id or an e-mail; false is nothing at all.
func (s *State) Explain(who string) (Story, bool) {
	var st Story
	var handles []contact.Handle
	if email, ok := contact.Normalize(nil, []byte(who)); ok {
		if h := s.Roster.Find(email); h != 0 {
			handles = append(handles, h)
			people := append(s.Roster.Holders(h), s.Roster.Naming(h, storyProfiles)...)
			for i := range people[:min(len(people), storyProfiles)] {
				st.Profiles = append(st.Profiles, s.profileStory(&people[i]))
			}
		}
	}
	if p, ok := s.Roster.Person([]byte(who)); ok && !slices.ContainsFunc(st.Profiles, func(o ProfileStory) bool { return o.Profile == p.ID }) {
		st.Profiles = append(st.Profiles, s.profileStory(&p))
		if p.Holds != 0 {
			handles = append(handles, p.Holds)
		}
		handles = append(handles, p.Past...)
	}
	for i, h := range handles {
		if slices.Contains(handles[:i], h) {
			continue // a profile may hold again what it held before
		}
		st.Contacts = append(st.Contacts, s.contactStory(h))
	}
	st.Erased = s.Roster.Tombstone([]byte(who))
	return st, len(st.Contacts)+len(st.Profiles) > 0 || st.Erased > 0
}

func (s *State) profileStory(p *roster.Person) ProfileStory {
	one := ProfileStory{Profile: p.ID, Holds: s.EmailOf(p.Holds)}
	held := s.HeldSweeps()
	for _, m := range p.Memberships {
		one.Memberships = append(one.Memberships, MembershipStory{
			Segment: m.Segment, In: m.In, Sequence: m.Sequence, Attributes: m.Carries, Email: s.EmailOf(m.Names),
			Held: m.In && slices.ContainsFunc(held, func(h HeldSweep) bool {
				return h.Segment == m.Segment && (h.Sequence == 0 || m.Sequence < h.First)
			}),
		})
	}
	for i, h := range p.Past {
		if h != p.Holds && !slices.Contains(p.Past[:i], h) {
			one.Past = append(one.Past, s.EmailOf(h))
		}
	}
	if p.Departed != 0 {
		one.Departed = moment(p.Departed, time.Second)
	}
	return one
}

// EmailOf is the address of a contact; empty if there is none.
func (s *State) EmailOf(h contact.Handle) string {
	if h == 0 {
		return ""
	}
	return string(s.Roster.Email(h))
}

// moment is a time that a state keeps as a number of units; zero is none.
func moment(n int64, unit time.Duration) *time.Time {
	if n == 0 {
		return nil
	}
	t := time.Unix(0, n*int64(unit)).UTC()
	return &t
}

func (s *State) contactStory(h contact.Handle) ContactStory {
	at := s.Book.At(h)
	c := ContactStory{
		Email: s.EmailOf(h), Desired: s.Roster.Desired(h), Listed: at.Listed(), State: s.stateOf(h),
		Source: s.Roster.Source(h), Added: moment(at.LastAdd(), time.Second), Erasing: s.Erasing.Get(uint32(h)) != nil,
	}
	switch {
	case at.Listed() && (at.LastAdd() == 0 || s.listing(h).adopted()):
		c.PutBy = "adopted"
	case at.LastAdd() != 0:
		c.PutBy = "rollcall"
	}
	c.Replay, c.Since = s.inReplay(h), moment(s.listing(h).unix(), time.Second)
	if c.Desired {
		c.Place = s.Roster.Place(h)
	}
	if d, ok := s.Dirty.Look(uint32(h)); ok {
		c.Oldest = moment(d.since, time.Millisecond)
	}
	if b := s.Flight.Of(h); b != nil {
		c.Operation, c.Batch, c.Job, c.Doubt = b.Operation.String(), b.ID, b.Job, moment(b.Until, 1)
	} else if due, ok := s.Window.Has(h); ok {
		c.Due = moment(due, 1)
	}
	switch at.Place() {
	case plan.Waiting:
		c.Turn = s.turn(h)
	case plan.Refused:
		c.Reason = s.Book.Refusal(h)
	case plan.Nowhere, plan.Held:
	}
	return c
}

// stateOf is the contact's one state, in the words of the metrics; clean is none of them.
func (s *State) stateOf(h contact.Handle) string {
	if b := s.Flight.Of(h); b != nil {
		if b.State == flight.Doubt {
			return "in_doubt"
		}
		return "on_the_way"
	}
	switch s.Book.At(h).Place() {
	case plan.Waiting:
		return "waiting"
	case plan.Held:
		return "held"
	case plan.Refused:
		return "refused"
	case plan.Nowhere:
	}
	if _, ok := s.Window.Has(h); ok {
		return "window"
	}
	return "clean"
}

// turn is the contact's place among those who wait, from one.
func (s *State) turn(h contact.Handle) int {
	mine, before := s.Roster.Place(h), 0
	for o := contact.Handle(1); uint32(o) < s.Roster.Contacts(); o++ {
		if place := s.Roster.Place(o); s.Book.At(o).Place() == plan.Waiting && (place < mine || place == mine && o < h) {
			before++
		}
	}
	return before + 1
}

// Turn is one contact that waits for a slot.
type Turn struct {
	Turn  int    `json:"turn"`
	Email string `json:"email"`
	Place uint64 `json:"place"` // sequence that made it desired
}

// Waiting returns those who wait, the next one first, a number of them at most, and how many there are.
func (s *State) Waiting(most int) ([]Turn, int) {
	var line []Turn
	total := s.Book.Count(plan.Waiting)
	if total == 0 || most <= 0 {
		return line, total
	}
	s.Book.Head(s.Roster.Place, func(h contact.Handle) bool {
		line = append(line, Turn{Turn: len(line) + 1, Email: s.EmailOf(h), Place: s.Roster.Place(h)})
		return len(line) < most
	})
	return line, total
}

// Commands returns the last commands that were given, the oldest first.
func (s *State) Commands() []record.Command {
	return append([]record.Command(nil), s.Meta.Commands...)
}

// Claim returns the last claim of the ledger; its epoch is zero where nobody ever claimed it.
func (s *State) Claim() record.Claim { return s.Meta.Claim }

// Digest is a hash of the whole state: two states of equal digest are equal (I13).
func (s *State) Digest() (string, error) {
	var body bytes.Buffer
	if err := s.Write(&body); err != nil {
		return "", err
	}
	d := newDigest()
	_, _ = d.Write(body.Bytes()) // a hash never fails
	return d.String(), nil
}

// Oldest returns the broker time, in unix milliseconds, of the oldest change that is not applied; zero is
// none.
func (s *State) Oldest() int64 { return s.OldestUnapplied() }

// Replay returns how far the last replay has come; nil where there was none.
func (s *State) Replay() *record.Replay { return s.Meta.Replay }
