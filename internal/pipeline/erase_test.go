package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
)

func (w *world) erase(profile string, emails ...string) uint64 {
	w.mu.Lock()
	id := fmt.Sprint("erase-", w.last+1)
	w.mu.Unlock()
	return w.put(segment.ErasedSubject(profile), segment.AppendErased(nil, segment.Envelope{ID: id, Source: "/test"}, profile, emails))
}

// purges records what was to be overwritten, and removes it from the stream.
type purges struct {
	w           *world
	persons     []broker.Person
	overwritten [][]uint64 // sequences of events, each time
	few         int        // found at once; zero is all
	fails       int        // times that overwriting fails after it was done
	kept        bool       // the stream lets nobody overwrite an event
}

func (p *purges) FindPerson(_ context.Context, who broker.Person, from uint64, names func(*broker.Message) bool) (broker.Traces, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if !slices.Contains(p.persons, who) {
		p.persons = append(p.persons, who)
	}
	t := broker.Traces{Next: who.Below, Kept: p.kept}
	for i := range p.w.events {
		m := &p.w.events[i]
		if m.Sequence < from || m.Sequence >= who.Below || p.kept || !names(m) {
			continue
		}
		if t.Events = append(t.Events, m.Sequence); len(t.Events) == p.few {
			t.Next = m.Sequence + 1
			break
		}
	}
	return t, nil
}

func (p *purges) OverwritePerson(_ context.Context, _ broker.Person, t broker.Traces) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.overwritten = append(p.overwritten, t.Events)
	p.w.events = slices.DeleteFunc(p.w.events, func(m broker.Message) bool { return slices.Contains(t.Events, m.Sequence) })
	if p.fails--; p.fails >= 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// neighbours records what the account's other destinations were to look at.
type neighbours struct {
	mu        sync.Mutex
	failed    int
	busyUntil time.Time
	takes     time.Duration
	refuses   string // an address that they cannot look at
	owed      []string
	emails    []string
}

func (n *neighbours) Recheck(_ context.Context, emails []string) ([]string, error) {
	time.Sleep(n.takes)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed++; n.failed == 1 || time.Now().Before(n.busyUntil) || n.refuses != "" && slices.Contains(emails, n.refuses) {
		return nil, ErrBusy
	}
	n.emails = append(n.emails, emails...)
	return n.owed, nil
}

// H14, H15: every address that a profile ever held is deleted from the account, the other destinations recheck
// them, what the broker holds is overwritten, and the proof names nobody.
func TestAnErasureEndsWithAProofThatNamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		purger, others := &purges{w: w}, &neighbours{}
		o.Purger, o.Neighbours = purger, others
		d, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "entered", ada(2))
		time.Sleep(10 * time.Minute)
		sequence := w.erase("p1")
		time.Sleep(10 * time.Minute)
		if len(w.seen().contacts) != 0 {
			t.Fatalf("%d contacts are left in the account", len(w.seen().contacts))
		}
		slices.Sort(others.emails)
		if diff := cmp.Diff(emails(1, 2), others.emails); diff != "" {
			t.Fatal(diff)
		}
		want := []broker.Person{{Destination: "d", Stream: "S", Profile: "p1", ProfileKey: "p1", Below: sequence}}
		if diff := cmp.Diff(want, purger.persons); diff != "" {
			t.Fatal(diff)
		}
		proof := w.seen().receipts[len(w.seen().receipts)-1]
		if !strings.Contains(proof, `"kind":"erasure"`) || !strings.Contains(proof, "2 deleted and looked up") {
			t.Fatalf("the last receipt is no proof: %s", proof)
		}
		if all := strings.Join(w.seen().receipts, ""); strings.Contains(all, "ada") || strings.Contains(all, `"p1"`) {
			t.Fatalf("receipts name somebody: %s", all)
		}
		if st := d.Stats(); st.Contacts != 2 || st.Profiles != 0 || st.Dirty() != 0 {
			t.Fatalf("after the erasure: %+v", st)
		}
		mustStop(t, stop)
	})
}

// Another profile with the e-mail gets the contact made anew, from its own fields alone (H28), and keeps its slot.
func TestAnotherProfileGetsTheErasedContactMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Cap = 1
		_, stop := w.run(o)
		w.publish("a", "q", "entered", `{"email":"both@example.com","first_name":"Quentin"}`)
		w.publish("a", "p", "entered", `{"email":"both@example.com","first_name":"Paula","city":"Paris"}`)
		time.Sleep(2 * time.Minute)
		w.publish("a", "r", "entered", ada(3))
		time.Sleep(2 * time.Minute)
		id := w.seen().contacts["both@example.com"].id
		w.erase("p")
		time.Sleep(20 * time.Minute)
		c := w.seen().contacts["both@example.com"]
		if c == nil || !c.onList || c.id == id {
			t.Fatalf("the contact was not made anew: %+v", c)
		}
		if diff := cmp.Diff(map[string]string{"first_name": "Quentin"}, c.fields); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff([]string{"both@example.com"}, w.list()); diff != "" {
			t.Fatal(diff)
		}
		mustStop(t, stop)
	})
}

// Story 18, H13: an erased person does not come back by what is older, and comes back as a new one by what is newer.
func TestAnErasedPersonStartsAfreshWithANewerEntered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		w.erase("p1")
		time.Sleep(10 * time.Minute)
		mustStop(t, stop)
		o := w.options()
		o.Binding.Mapping = "changed" // reads everything again
		_, stop = w.run(o)
		time.Sleep(5 * time.Minute)
		w.wantListed(0)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(5 * time.Minute)
		w.wantListed(1)
		mustStop(t, stop)
	})
}

// An event that aged out of the stream while its contact waited: the contact is sent with its e-mail alone.
func TestAWaitingContactWhoseEventAgedOutIsSentWithItsEmailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Cap = 1
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		time.Sleep(2 * time.Minute)
		w.mu.Lock()
		w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return m.Sequence == 2 })
		w.mu.Unlock()
		w.publish("a", "p1", "exited", "")
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if got := w.seen().contacts["ada2@example.com"].fields; len(got) != 0 {
			t.Fatalf("fields: %v", got)
		}
		mustStop(t, stop)
	})
}

// H24: a waiting contact's turn comes when a newer event has replaced the one with its fields: it keeps its place
// until that one is folded.
func TestAWaitingContactKeepsItsPlaceUntilTheEventThatReplacedItsOwnIsFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Cap = 1
		_, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		w.publish("a", "p2", "entered", ada(2))
		w.publish("a", "p3", "entered", ada(3))
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "exited", "")
		w.publish("a", "p2", "entered", `{"email":"ada2@example.com","first_name":"Changed"}`)
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff(emails(2), w.list()); diff != "" {
			t.Fatal(diff)
		}
		if got := w.seen().contacts["ada2@example.com"].fields["first_name"]; got != "Changed" {
			t.Fatalf("first_name is %q", got)
		}
		mustStop(t, stop)
	})
}

// A profile in no segment is forgotten after keep_departed, and its contact's row with it.
func TestTheLongDepartedAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Policy.Keep = 24 * time.Hour
		d, stop := w.run(o)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "exited", "")
		time.Sleep(23 * time.Hour)
		if st := d.Stats(); st.Profiles != 1 {
			t.Fatalf("%d profiles before keep_departed is over", st.Profiles)
		}
		time.Sleep(3 * time.Hour)
		if st := d.Stats(); st.Profiles != 0 {
			t.Fatalf("%d profiles are remembered", st.Profiles)
		}
		mustStop(t, stop)
	})
}
