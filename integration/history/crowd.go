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

// Crowd is all that there is to be judged of a crowd.
type Crowd struct {
	Events  []Told          // in the order of publishing: of one profile that is the stream's, of several it is about that
	Passing uint64          // events that others may pass at most, on their way to the stream
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
	sequences := a.sequences(c)
	for i, e := range c.Events {
		f.add(i, sequences[i], e)
	}
	for i, e := range c.Events {
		a.told(c, &f, i, e)
	}
	for _, change := range c.Changes {
		change.Floor -= min(change.Floor, c.Passing)
		change.Ceiling += c.Passing
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

type subject struct{ profile, segment string }

// sequences finds each membership's latest event in the stream. The others were replaced there: they get the sequences that are left,
// in the order of publishing.
func (a *Account) sequences(c Crowd) []uint64 {
	latest := map[subject]int{}
	for i, e := range c.Events {
		latest[subject{e.Profile, e.Segment}] = i
	}
	out := make([]uint64, len(c.Events))
	for sequence, e := range c.Stream {
		i, ok := latest[subject{e.Profile, e.Segment}]
		if !ok || c.Events[i] != e || out[i] != 0 {
			a.breach(Stranger, sequence, time.Time{})
			continue
		}
		out[i] = sequence
	}
	free := uint64(1)
	for i, e := range c.Events {
		if out[i] != 0 {
			continue
		}
		if latest[subject{e.Profile, e.Segment}] == i {
			a.breach(Lost, 0, time.Time{})
		}
		for ; ; free++ {
			if _, taken := c.Stream[free]; !taken {
				break
			}
		}
		out[i] = free
		free++
	}
	return out
}

// told says what became of one event.
func (a *Account) told(c Crowd, f *crowd, i int, e Told) {
	who := f.people[e.Profile]
	mine := who.segments[e.Segment]
	if mine.event != i {
		a.Coalesced++
		return
	}
	newest := who.newest()
	known := f.contacts[newest.email]
	refused := known != nil && c.Refused(newest.email)
	switch {
	case e.Entered && newest.email == "" && (c.Dead[mine.sequence] || c.Dead[newest.sequence]):
		a.Dead++
	case e.Entered && refused && !c.Listed[newest.email] && slices.ContainsFunc(known.about, func(s uint64) bool { return c.Dead[s] }):
		a.Dead++
	case e.Entered && !refused && c.Listed[newest.email]:
		a.Applied++
	case e.Entered && c.Waiting[newest.email]: // also whom SendGrid would refuse: it was not asked yet
		a.Waiting++
	case !e.Entered: // whoever is there all the same is found by CheckCrowd
		a.Applied++
	default:
		a.breach(Unaccounted, mine.sequence, time.Time{})
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
	event      int // its place in Crowd.Events
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

func (f *crowd) add(i int, sequence uint64, e Told) {
	who := f.people[e.Profile]
	if who == nil {
		who = &member{segments: map[string]membership{}}
		f.people[e.Profile] = who
	}
	before := who.holds()
	who.segments[e.Segment] = membership{i, sequence, e.Entered, e.Speaks, e.Email}
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
		if last := len(c.turns) - 1; last >= 0 {
			sequence = max(sequence, c.turns[last]) // the order is certain, the sequence of what was replaced is not
		}
		c.turns = append(c.turns, sequence)
	}
}

// newest is the membership whose attributes are the profile's.
func (m *member) newest() (newest membership) {
	newest.event = -1
	for _, s := range m.segments {
		if s.speaks && s.event > newest.event {
			newest = s
		}
	}
	return newest
}

// holds is the contact that the profile wants on the list, "" where it wants none.
func (m *member) holds() string {
	for _, s := range m.segments {
		if s.in {
			return m.newest().email
		}
	}
	return ""
}

func (c *contact) wanted() bool { return c.holders > 0 }

// next is the first sequence from one on at which the contact is wanted, or is not.
func (c *contact) next(from uint64, wanted bool) (uint64, bool) {
	turned, _ := slices.BinarySearch(c.turns, from+1) // equal ones are as good as one
	if (turned%2 == 1) == wanted {                    // so it is already
		return from, true
	}
	if turned == len(c.turns) {
		return 0, false
	}
	return c.turns[turned], true
}
