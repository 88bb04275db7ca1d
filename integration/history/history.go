package history

import "time"

// Event is one publication that the broker acknowledged, as its publisher knows it.
type Event struct {
	ID       string
	Subject  string // of the membership
	Email    string // the contact that it is about; "" where it names none
	Entered  bool
	Version  string    // of the contact's fields, where it entered
	Sent     time.Time // before its first try
	Sequence uint64    // that the acknowledgement named
}

// Stored is one event as the stream holds it in the end.
type Stored struct {
	ID       string
	Subject  string
	Sequence uint64
}

// Change is one change of the list, in the order in which they were applied.
type Change struct {
	Email string
	Added bool
	At    time.Time
	Floor uint64 // the events up to here were taken over before its request can have left: none but the newest of them explains it

	Ceiling uint64 // the events behind it were published after the change; of a crowd's, whose publications have no times
}

// History is all that there is to be judged.
type History struct {
	Events  []Event // in the order of publishing
	Stream  []Stored
	Changes []Change
	Listed  map[string]string // the version of each contact on the list in the end
	Waiting map[string]bool   // contacts that wait for a slot
	Dead    map[uint64]bool   // sequences of the events that a dead letter holds
}

// Account says what became of each event.
type Account struct {
	Applied, Coalesced, Waiting, Dead int
	Breaches                          []Breach
}

// Breach is one thing that must not be. Sequence is the event's that it is about, 0 where there is none.
type Breach struct {
	Kind     Kind
	Sequence uint64
	At       time.Time
}

// Kind is what is wrong.
type Kind string

// What can be wrong.
const (
	Lost        Kind = "lost"        // acknowledged, and neither in the stream nor replaced by a later one
	Disordered  Kind = "disordered"  // of one membership, published later and stored before
	Unaccounted Kind = "unaccounted" // neither applied nor coalesced, waiting or a dead letter
	Resurrected Kind = "resurrected" // on the list again, and nothing had asked for it since its removal
	Unasked     Kind = "unasked"     // put on the list, or taken off, before anything asked for it
	Stranger    Kind = "stranger"    // on the list, and no event is about it
)

// Check accounts for every event, and for every change of the list.
func Check(h History) Account {
	var a Account
	stored := map[uint64]Stored{}
	newest := map[string]uint64{}
	for _, s := range h.Stream {
		stored[s.Sequence] = s
		newest[s.Subject] = max(newest[s.Subject], s.Sequence)
	}
	last := map[string]int{} // by subject: the latest publication
	for i, e := range h.Events {
		if stored[e.Sequence].ID != e.ID && newest[e.Subject] <= e.Sequence {
			a.breach(Lost, e.Sequence, e.Sent)
		}
		if before, ok := last[e.Subject]; ok && h.Events[before].Sequence >= e.Sequence {
			a.breach(Disordered, e.Sequence, e.Sent)
		}
		last[e.Subject] = i
	}
	contacts := contacts(h.Events)
	for i, e := range h.Events {
		a.account(h, e, contacts[e.Subject], last[e.Subject] == i)
	}
	a.changes(h, contacts)
	return a
}

func (a *Account) breach(k Kind, sequence uint64, at time.Time) {
	a.Breaches = append(a.Breaches, Breach{k, sequence, at})
}

// contacts are the contacts of the memberships, known from their entering.
func contacts(events []Event) map[string]string {
	out := map[string]string{}
	for _, e := range events {
		if e.Email != "" {
			out[e.Subject] = e.Email
		}
	}
	return out
}

// account says what became of one event about a contact.
func (a *Account) account(h History, e Event, contact string, latest bool) {
	version, listed := h.Listed[contact]
	gone := !listed && !h.Waiting[contact]
	switch {
	case !latest:
		a.Coalesced++
	case h.Dead[e.Sequence] && gone: // it names no contact, and lets go of the one that there was
		a.Dead++
	case e.asksFor(contact) && listed && version == e.Version:
		a.Applied++
	case e.asksFor(contact) && !listed && h.Waiting[contact]:
		a.Waiting++
	case !e.Entered && gone:
		a.Applied++
	default:
		a.breach(Unaccounted, e.Sequence, e.Sent)
	}
}

// changes explains each change of a contact by an event that had asked for it: one that was published before, is not older than what
// explained the change before, and was not overtaken when its request left. Taking the oldest that will do leaves the most for the
// later changes.
func (a *Account) changes(h History, contacts map[string]string) {
	about := map[string][]Event{}
	for _, e := range h.Events {
		if email := contacts[e.Subject]; email != "" {
			about[email] = append(about[email], e)
		}
	}
	from, removed := map[string]int{}, map[string]bool{}
	for _, c := range h.Changes {
		events := about[c.Email]
		at := from[c.Email]
		for at+1 < len(events) && events[at+1].Sequence <= c.Floor {
			at++
		}
		for at < len(events) && events[at].asksFor(c.Email) != c.Added {
			at++
		}
		switch {
		case len(events) == 0:
			a.breach(Stranger, 0, c.At)
		case at < len(events) && !events[at].Sent.After(c.At):
			from[c.Email] = at
		case c.Added && removed[c.Email]:
			a.breach(Resurrected, events[min(at, len(events)-1)].Sequence, c.At)
		default:
			a.breach(Unasked, events[min(at, len(events)-1)].Sequence, c.At)
		}
		removed[c.Email] = removed[c.Email] || !c.Added
	}
	for email := range h.Listed {
		if len(about[email]) == 0 {
			a.breach(Stranger, 0, time.Time{})
		}
	}
}

// asksFor tells whether the contact is to be on the list from this event on.
func (e Event) asksFor(email string) bool { return e.Entered && e.Email == email }
