package pipeline

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/segment"
	"rollcall/internal/state"
)

const (
	upper  = "ZOË@example.com" // as an earlier rule, which lower-cased A to Z alone, kept it
	lower  = "zoë@example.com"
	kelvin = "\u212aim@example.com"
	kim    = "kim@example.com"
)

// older is a ledger that a build with the first rule of e-mails wrote, and the list that SendGrid has for it.
type older struct {
	*world
	options Options
	state   *state.State
	batch   uint64
}

// olderLedger begins one in which these profiles are in segment a, each with its e-mail.
func olderLedger(t *testing.T, emails ...string) *older {
	w := newWorld(t)
	w.lowers = true
	o := &older{world: w, options: w.options(), state: state.NewState(state.Policy{}, []byte("salt"))}
	o.options.Binding.Normalisation = contact.Normalisation
	before := o.options.Binding
	before.Normalisation, before.StreamCreated = 1, w.created.UnixNano()
	mapped, err := json.Marshal(o.options.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	before.Mapping = string(mapped)
	spec, fields := o.options.Mapping.Numbered(nil)
	o.append(&record.Claim{
		Epoch: 1, Replica: "older", At: time.Now().UnixNano(), Binding: before, Fields: fields, Mapped: spec.Mapped(),
		Timing: record.Timing{Guard: int64(time.Hour), MinRemovals: 500, MaxShare: 0.2},
	})
	for i, email := range emails {
		o.enter(t, i, email)
	}
	return o
}

func (o *older) append(records ...record.Record) {
	entry := record.NewEntry(nil)
	for _, r := range records {
		entry = record.AppendRecord(entry, r)
	}
	o.journal = append(o.journal, entry)
	if err := o.state.Apply(entry); err != nil {
		o.t.Fatal(err)
	}
}

func profileOf(i int) string { return "p" + string(rune('1'+i)) }

// enter publishes one profile's membership and folds it as the older build did.
func (o *older) enter(t *testing.T, i int, email string) {
	o.publish("a", profileOf(i), "entered", `{"email":"`+email+`","city":"Rome"}`)
	mapper, err := mapping.New(o.options.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	fields := mapper.Map(nil, []byte(`{"city":"Rome"}`)).Fields
	row := record.Row{
		Kind: record.RowMembership, Entered: true, Carries: true, Sequence: o.last, Time: time.Now().UnixMilli(),
		Profile: []byte(profileOf(i)), Email: []byte(email), Fields: slices.Clone(fields),
	}
	o.append(&record.Commit{
		At: time.Now().UnixNano(), Cursor: o.last, Time: time.Now().UnixNano(), Events: 1, Rows: record.AppendRow(nil, &record.Row{}, &row),
	})
}

func (o *older) handle(email string) contact.Handle { return o.state.Roster.Find([]byte(email)) }

// asks writes the intent of a batch, and that SendGrid accepted it.
func (o *older) asks(op contact.Operation, email string, apply func()) uint64 {
	o.batch++
	now := time.Now().UnixNano()
	o.append(&record.Intent{Batch: o.batch, Operation: op, At: now, Handles: []contact.Handle{o.handle(email)}})
	o.append(&record.Accepted{Batch: o.batch, At: now, Job: o.job(apply)})
	return o.batch
}

// lists puts a contact on the list, as the older build would have.
func (o *older) lists(email string) {
	id := o.asks(contact.Upsert, email, func() {})
	o.append(&record.Settled{Batch: id, At: time.Now().UnixNano(), All: record.Applied})
	o.nextID++
	if stored := storedAs(email); o.contacts[stored] == nil {
		o.contacts[stored] = &fakeContact{id: "c-" + stored, onList: true, fields: map[string]string{"city": "Rome"}}
	}
}

// migrate runs a build with the present rule over it until everything has settled.
func (o *older) migrate(t *testing.T) (*Destination, func() error) {
	d, stop := o.run(o.options)
	time.Sleep(20 * time.Minute)
	s := state.NewState(state.Policy{}, []byte("salt"))
	o.mu.Lock() // the destination goes on
	journal := slices.Clone(o.journal)
	o.mu.Unlock()
	for _, entry := range journal {
		if err := s.Apply(entry); err != nil {
			t.Fatal(err)
		}
	}
	var snapshot bytes.Buffer
	again := state.NewState(state.Policy{}, []byte("salt"))
	if err := s.Write(&snapshot); err != nil {
		t.Fatal(err)
	}
	if err := again.Read(&snapshot); err != nil {
		t.Fatal(err)
	}
	first, _ := s.Digest()
	if second, _ := again.Digest(); first != second {
		t.Error("I13: the snapshot of the migrated state is another state")
	}
	if n := s.Book.Slots(); n != len(o.list()) {
		t.Errorf("I5: %d slots for the list %v", n, o.list())
	}
	return d, stop
}

func (o *older) mustList(t *testing.T, want ...string) {
	t.Helper()
	if got := o.list(); !slices.Equal(got, want) {
		t.Errorf("on the list are %q, want %q", got, want)
	}
}

// H40: a contact whose spelling alone changes keeps everything, and SendGrid is asked for nothing.
func TestAnOlderLedgersSpellingIsRenamedInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := olderLedger(t, upper)
		o.lists(upper)
		_, stop := o.migrate(t)
		o.mustList(t, lower)
		if g := o.seen(); g.requests["upsert"]+g.requests["remove"] != 0 {
			t.Errorf("the migration asked for %v", g.requests)
		}
		o.publish("a", "p1", "exited", "")
		time.Sleep(10 * time.Minute)
		o.mustList(t)
		mustStop(t, stop)
	})
}

// H40: two spellings that SendGrid has as one contact become one here, with one slot, which stays while one of both is a
// member.
func TestAnOlderLedgersTwoSpellingsBecomeOneContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := olderLedger(t, upper, lower, "Zoë@example.com")
		o.lists(upper)
		o.lists(lower)
		_, stop := o.migrate(t)
		o.mustList(t, lower)
		for i := range 2 {
			o.publish("a", profileOf(i), "exited", "")
			time.Sleep(10 * time.Minute)
			o.mustList(t, lower)
		}
		o.publish("a", "p3", "exited", "")
		time.Sleep(10 * time.Minute)
		o.mustList(t)
		mustStop(t, stop)
	})
}

// H40: what the older build had on its way under one spelling ends as the other's: she moved to another spelling, and the
// removal of the first would have taken off both.
func TestARequestOfAnOlderLedgerEndsAsTheOneContacts(t *testing.T) {
	for _, name := range []string{"the removal alone", "an addition beside it", "an addition after it"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := olderLedger(t, upper)
				o.lists(upper)
				o.enter(t, 0, lower)
				id := o.contacts[lower].id
				add := func() { o.asks(contact.Upsert, lower, func() { o.contacts[lower].onList = true }) }
				switch name {
				case "the removal alone":
					o.lists(lower)
				case "an addition beside it":
					add()
				}
				o.asks(contact.Remove, upper, func() { o.contacts[lower].onList = o.contacts[lower].id != id })
				if name == "an addition after it" {
					o.delay = 3 * time.Minute
					add()
					o.delay = 0
				}
				_, stop := o.migrate(t)
				o.mustList(t, lower)
				o.publish("a", "p1", "exited", "")
				time.Sleep(10 * time.Minute)
				o.mustList(t)
				mustStop(t, stop)
			})
		})
	}
}

// H40: who is erased under one spelling while another profile has the other: the contact is deleted, and made anew of the other's.
func TestAnOlderLedgersErasureDeletesTheOneContactAndMakesItAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := olderLedger(t, upper, lower)
		o.lists(upper)
		o.lists(lower)
		o.contacts[lower].fields["first_name"] = "Zoë"
		row := record.Row{Kind: record.RowErased, Sequence: o.last + 1, Profile: []byte("p1")}
		seq := o.put(segment.ErasedSubject("p1"), segment.AppendErased(nil, segment.Envelope{ID: "e", Source: "/test"}, "p1", nil))
		o.append(&record.Commit{
			At: time.Now().UnixNano(), Cursor: seq, Time: time.Now().UnixNano(), Events: 1, Rows: record.AppendRow(nil, &record.Row{}, &row),
		})
		_, stop := o.migrate(t)
		o.mustList(t, lower)
		if g := o.seen(); g.requests["delete"] != 1 || g.contacts[lower].fields["first_name"] != "" {
			t.Errorf("%v, the contact has %v", g.requests, g.contacts[lower].fields)
		}
		mustStop(t, stop)
	})
}

// H40: a spelling that is a stranger's at SendGrid is nobody's any more: its own contact stays, and without one it goes.
func TestAnOlderLedgersStrangersSpellingIsLetGoOf(t *testing.T) {
	for name, emails := range map[string][]string{"the stranger is a member": {kelvin, kim}, "nobody is": {kelvin}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := olderLedger(t, emails...)
				for _, e := range emails {
					o.lists(e)
				}
				_, stop := o.migrate(t)
				o.mustList(t, emails[1:]...)
				if n := len(o.seen().letters); n != 1 || o.seen().letters[0].Reason != string(segment.ReasonInvalidEmail) {
					t.Errorf("%d letters", n)
				}
				mustStop(t, stop)
			})
		})
	}
}
