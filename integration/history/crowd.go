package history

import (
	"slices"
	"time"
)

// Told is one event of a crowd, in which profiles are in several segments, share addresses and change them.
type Told struct {
	Profile, Segment string
	Entered          bool
	Speaks           bool   // it carries attributes
	Email            string // that they name, as SendGrid tells addresses apart; "" where it is none that can be used
}

// Crowd is all that there is to be judged of a crowd. The event at i has the sequence i+1.
type Crowd struct {
	Events  []Told
	Stream  map[uint64]Told // what the stream holds in the end, by sequence
	Changes []Change
	Listed  map[string]bool
	Waiting map[string]bool
	Dead    map[uint64]bool
	Refused func(email string) bool // whether SendGrid would not have the contact
}

// CheckCrowd accounts for every event and for every change of the list, as Check does. A contact is wanted while a profile with its
// address is in a segment; a profile's address is that of the newest of its memberships that carries attributes. Fields are for the
// audit to compare.
func CheckCrowd(c Crowd) Account {
	var a Account
	f := crowd{people: map[string]*member{}, contacts: map[string]*contact{}}
	for i, e := range c.Events {
		f.add(uint64(i+1), e)
	}
	for sequence, e := range c.Stream {
		if sequence == 0 || sequence > uint64(len(c.Events)) || c.Events[sequence-1] != e {
			a.breach(Stranger, sequence, time.Time{})
		}
	}
	for i, e := range c.Events {
		a.told(c, &f, uint64(i+1), e)
	}
	for _, change := range c.Changes {
		a.explain(f.contacts[change.Email], change)
	}
	for _, there := range []map[string]bool{c.Listed, c.Waiting} {
		for email := range there {
			if known := f.contacts[email]; known == nil || !known.wanted() || c.Listed[email] && c.Waiting[email] {
				a.breach(Unasked, 0, time.Time{})
			}
		}
	}
	return a
}

// told says what became of one event.
func (a *Account) told(c Crowd, f *crowd, sequence uint64, e Told) {
	who := f.people[e.Profile]
	latest := who.segments[e.Segment]
	if latest.sequence != sequence {
		a.Coalesced++
		return
	}
	email := who.email()
	known := f.contacts[email]
	refused := known != nil && c.Refused(email)
	_, kept := c.Stream[sequence]
	switch {
	case !kept:
		a.breach(Lost, sequence, time.Time{})
	case e.Entered && email == "" && (c.Dead[sequence] || c.Dead[who.newest().sequence]):
		a.Dead++
	case e.Entered && refused && !c.Listed[email] && slices.ContainsFunc(known.about, func(s uint64) bool { return c.Dead[s] }):
		a.Dead++
	case e.Entered && !refused && c.Listed[email]:
		a.Applied++
	case e.Entered && !refused && c.Waiting[email]:
		a.Waiting++
	case !e.Entered: // whoever is there all the same is found by CheckCrowd
		a.Applied++
	default:
		a.breach(Unaccounted, sequence, time.Time{})
	}
}

// explain finds a time at which the contact was wanted, or was not, that is not before the one that explained the change before, nor
// before what was taken over when its request left, nor after what was published when it was applied. The oldest that will do
// leaves the most for the later changes.
func (a *Account) explain(c *contact, change Change) {
	if c == nil {
		a.breach(Stranger, 0, change.At)
		return
	}
	at, ok := c.next(max(c.explained, change.Floor), change.Added)
	switch {
	case ok && at <= change.Ceiling:
		c.explained = at
	case change.Added && c.removed:
		a.breach(Resurrected, at, change.At)
	default:
		a.breach(Unasked, at, change.At)
	}
	c.removed = c.removed || !change.Added
}

// crowd is who is where, and since when each contact was wanted and was not.
type crowd struct {
	people   map[string]*member
	contacts map[string]*contact
}

type member struct{ segments map[string]membership }

// membership is the latest that was said of one.
type membership struct {
	sequence   uint64
	in, speaks bool
	email      string
}

// contact is wanted from the turns at odd places on, and is not from those at even ones; before the first nobody asked for it.
type contact struct {
	holders   int
	turns     []uint64
	about     []uint64 // events that name it
	explained uint64
	removed   bool
}

func (f *crowd) add(sequence uint64, e Told) {
	who := f.people[e.Profile]
	if who == nil {
		who = &member{segments: map[string]membership{}}
		f.people[e.Profile] = who
	}
	before := who.holds()
	who.segments[e.Segment] = membership{sequence, e.Entered, e.Speaks, e.Email}
	after := who.holds()
	if e.Email != "" {
		c := f.contact(e.Email)
		c.about = append(c.about, sequence)
	}
	if before == after {
		return
	}
	f.hold(sequence, after, 1)
	f.hold(sequence, before, -1)
}

func (f *crowd) contact(email string) *contact {
	c := f.contacts[email]
	if c == nil {
		c = &contact{}
		f.contacts[email] = c
	}
	return c
}

func (f *crowd) hold(sequence uint64, email string, by int) {
	if email == "" {
		return
	}
	c := f.contact(email)
	before := c.wanted()
	if c.holders += by; c.wanted() != before {
		c.turns = append(c.turns, sequence)
	}
}

// newest is the membership whose attributes are the profile's.
func (m *member) newest() (newest membership) {
	for _, s := range m.segments {
		if s.speaks && s.sequence > newest.sequence {
			newest = s
		}
	}
	return newest
}

func (m *member) email() string { return m.newest().email }

// holds is the contact that the profile wants on the list, "" where it wants none.
func (m *member) holds() string {
	for _, s := range m.segments {
		if s.in {
			return m.email()
		}
	}
	return ""
}

func (c *contact) wanted() bool { return c.holders > 0 }

// next is the first sequence from one on at which the contact is wanted, or is not.
func (c *contact) next(from uint64, wanted bool) (uint64, bool) {
	turned, exactly := slices.BinarySearch(c.turns, from)
	if exactly {
		turned++
	}
	if (turned%2 == 1) == wanted { // so it is already
		return from, true
	}
	if turned == len(c.turns) {
		return 0, false
	}
	return c.turns[turned], true
}
