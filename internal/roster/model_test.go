package roster

import (
	"fmt"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/contact"
)

// naive is the contract's attribute rule in a page, over every event ever seen: no handles, no links.
type naive struct {
	latest map[string]map[uint16]Row // profile -> segment -> latest event
}

func (n *naive) add(r Row) {
	id := string(r.Profile)
	if n.latest[id] == nil {
		n.latest[id] = map[uint16]Row{}
	}
	if have, ok := n.latest[id][r.Segment]; !ok || r.Sequence >= have.Sequence {
		n.latest[id][r.Segment] = r
	}
}

type naiveContact struct {
	Hash     uint64
	Sequence uint64
}

func (n *naive) desired() map[string]naiveContact {
	out := map[string]naiveContact{}
	for _, memberships := range n.latest {
		in, newest := false, Row{}
		for _, r := range memberships {
			in = in || r.Entered
			if r.Carries && r.Sequence > newest.Sequence {
				newest = r
			}
		}
		if !in || newest.Email == nil {
			continue
		}
		if have, ok := out[string(newest.Email)]; !ok || newest.Sequence > have.Sequence {
			out[string(newest.Email)] = naiveContact{newest.Hash, newest.Sequence}
		}
	}
	return out
}

func (r *Roster) desiredNow() map[string]naiveContact {
	out := map[string]naiveContact{}
	for h := contact.Handle(1); uint32(h) < r.Contacts(); h++ {
		if r.Desired(h) {
			out[string(r.Email(h))] = naiveContact{r.Hash(h), r.Source(h)}
		}
	}
	return out
}

func drawRow(t *rapid.T, sequence uint64) Row {
	r := Row{
		Sequence: sequence,
		Segment:  uint16(rapid.IntRange(0, 2).Draw(t, "segment")),
		Entered:  rapid.Bool().Draw(t, "entered"),
		Profile:  fmt.Appendf(nil, "p%d", rapid.IntRange(0, 4).Draw(t, "profile")),
	}
	r.Carries = r.Entered || rapid.Bool().Draw(t, "carries")
	if r.Carries {
		if e := rapid.IntRange(0, 4).Draw(t, "email"); e > 0 {
			r.Email = fmt.Appendf(nil, "e%d@example.com", e)
		}
		r.Hash = uint64(rapid.IntRange(1, 3).Draw(t, "fields"))
	}
	return r
}

// I3, I6, I13: whatever the order and the repetitions of events, who is desired, and with whose fields,
// is what the latest events say; a snapshot in the middle changes nothing.
func TestFoldEqualsTheNaiveRuleInAnyOrderAndAcrossSnapshots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := New([]byte("salt"))
		r.crowdFrom = rapid.IntRange(0, crowded).Draw(t, "crowded")
		r.Select([]string{"a", "b", "c"})
		model := &naive{latest: map[string]map[uint16]Row{}}
		var all []Row
		for s := range rapid.IntRange(1, 40).Draw(t, "events") {
			all = append(all, drawRow(t, uint64(s+1)))
		}
		order := rapid.Permutation(all).Draw(t, "order")
		order = append(order, all[:rapid.IntRange(0, len(all)).Draw(t, "again")]...)
		for i, row := range order {
			r.Fold(row, func(contact.Handle, Cause) {})
			model.add(row)
			if i%7 == 3 {
				r = reload(t, r)
			}
			if diff := cmp.Diff(model.desired(), r.desiredNow()); diff != "" {
				t.Fatalf("after %+v: %s", row, diff)
			}
		}
	})
}

func reload(t *rapid.T, r *Roster) *Roster {
	again := New([]byte("salt"))
	again.crowdFrom = r.crowdFrom
	body := r.Append(nil)
	if err := again.Load(body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(body, again.Append(nil)); diff != "" {
		t.Fatalf("a loaded roster writes another snapshot: %s", diff)
	}
	return again
}

// H13: a profile's row outlives its memberships, so that an older event revives nobody.
func TestAnOlderEventRevivesNobodyAfterAnExit(t *testing.T) {
	r := New(nil)
	r.Select([]string{"a"})
	touch := func(contact.Handle, Cause) {}
	enter := Row{Sequence: 1, Entered: true, Carries: true, Profile: []byte("p"), Email: []byte("e@x"), Hash: 1}
	r.Fold(enter, touch)
	r.Fold(Row{Sequence: 2, Profile: []byte("p")}, touch)
	if got := r.Fold(enter, touch); got != Stale {
		t.Fatalf("the older event is %v, want stale", got)
	}
	if n := len(r.desiredNow()); n != 0 {
		t.Fatalf("%d contacts are desired, want none", n)
	}
}

// H4: an exit without attributes withdraws what its membership said; the next newest count.
func TestAnExitWithoutAttributesWithdrawsWhatItsMembershipSaid(t *testing.T) {
	r := New(nil)
	r.Select([]string{"a", "b"})
	touch := func(contact.Handle, Cause) {}
	p := []byte("p")
	r.Fold(Row{Sequence: 1, Segment: 0, Entered: true, Carries: true, Profile: p, Email: []byte("a@x"), Hash: 1}, touch)
	r.Fold(Row{Sequence: 2, Segment: 1, Entered: true, Carries: true, Profile: p, Email: []byte("b@x"), Hash: 2}, touch)
	r.Fold(Row{Sequence: 3, Segment: 1, Profile: p}, touch)
	want := map[string]naiveContact{"a@x": {1, 1}}
	if diff := cmp.Diff(want, r.desiredNow()); diff != "" {
		t.Fatal(diff)
	}
}

// H25: a place in the line passes with a profile that moves to another address.
func TestAPlacePassesWithAProfileThatMoves(t *testing.T) {
	r := New(nil)
	r.Select([]string{"a"})
	touch := func(contact.Handle, Cause) {}
	p := []byte("p")
	r.Fold(Row{Sequence: 5, Entered: true, Carries: true, Profile: p, Email: []byte("a@x"), Hash: 1}, touch)
	r.Fold(Row{Sequence: 9, Entered: true, Carries: true, Profile: p, Email: []byte("b@x"), Hash: 1}, touch)
	if got := r.Place(r.Find([]byte("b@x"))); got != 5 {
		t.Fatalf("the new address has place %d, want 5", got)
	}
}

// H14: an erasure names every address that was ever desired for the profile, and a tombstone holds
// against every event up to it.
func TestErasureNamesEveryAddressAndHoldsAgainstOlderEvents(t *testing.T) {
	r := New([]byte("salt"))
	r.Select([]string{"a"})
	touch := func(contact.Handle, Cause) {}
	p := []byte("p")
	first := Row{Sequence: 1, Entered: true, Carries: true, Profile: p, Email: []byte("a@x"), Hash: 1}
	r.Fold(first, touch)
	r.Fold(Row{Sequence: 2, Entered: true, Carries: true, Profile: p, Email: []byte("b@x"), Hash: 1}, touch)
	var emails []string
	for _, h := range r.Erase(p, 3, touch) {
		emails = append(emails, string(r.Email(h)))
	}
	sort.Strings(emails)
	if diff := cmp.Diff([]string{"a@x", "b@x"}, emails); diff != "" {
		t.Fatal(diff)
	}
	if r.Fold(first, touch) != Stale || len(r.desiredNow()) != 0 {
		t.Fatal("an older event revived an erased person")
	}
	r = mustReload(t, r)
	if r.Fold(first, touch) != Stale {
		t.Fatal("the tombstone was forgotten in a snapshot")
	}
	newer := first
	newer.Sequence = 4
	if r.Fold(newer, touch) != Folded || len(r.desiredNow()) != 1 {
		t.Fatal("a newer entered is a new person")
	}
}

func mustReload(t *testing.T, r *Roster) *Roster {
	t.Helper()
	again := New(r.salt)
	if err := again.Load(r.Append(nil)); err != nil {
		t.Fatal(err)
	}
	return again
}

// A refresh lets go of who was not published, and of nobody else; refused, of nobody.
func TestARefreshLetsGoOfTheDepartedAlone(t *testing.T) {
	for _, accepted := range []bool{true, false} {
		r := New(nil)
		r.Select([]string{"a", "b"})
		touch := func(contact.Handle, Cause) {}
		enter := func(seq uint64, seg uint16, id string) {
			r.Fold(Row{Sequence: seq, Segment: seg, Entered: true, Carries: true, Profile: []byte(id), Email: []byte(id + "@x"), Hash: 1}, touch)
		}
		enter(1, 0, "stays")
		enter(2, 0, "departed")
		enter(3, 1, "other")
		enter(4, 0, "stays")
		r.Pend(Refresh{Segment: 0, First: 4, Count: 1, Sequence: 5, Until: 5})
		if got := r.Count(0, 4); got != 1 {
			t.Fatalf("%d members were seen, want 1", got)
		}
		r.Judge(0, 5, accepted, touch)
		want := 3
		if accepted {
			want = 2
		}
		if got := len(r.desiredNow()); got != want {
			t.Fatalf("accepted %v: %d contacts are desired, want %d", accepted, got, want)
		}
	}
}

// Whoever is in no segment is remembered from the last event on, not from the first exit: a refresh counts the row of a member
// whom a newer event let go (H5). The same event read again is no newer one.
func TestTheDepartedAreRememberedFromTheirLastEvent(t *testing.T) {
	r := New(nil)
	r.Select([]string{"a", "b"})
	touch := func(contact.Handle, Cause) {}
	exit := func(at int64, seg uint16, seq uint64) {
		r.At(at)
		r.Fold(Row{Sequence: seq, Segment: seg, Profile: []byte("p")}, touch)
	}
	exit(100, 0, 1)
	exit(200, 1, 2)
	exit(300, 1, 2)
	if n := r.Forget(200); n != 0 || r.Count(1, 2) != 1 {
		t.Fatalf("%d were forgotten by an exit that another followed, and %d are counted", n, r.Count(1, 2))
	}
	if n := r.Forget(201); n != 1 {
		t.Fatalf("%d were forgotten, want 1", n)
	}
}

// H13: whom a refresh let go of stays away, also once the row is forgotten and whatever is read again: by a back-fill, a replay
// or the retry of a letter. Who enters after the refresh's beginning is a member.
func TestWhomARefreshLetGoOfIsNotRevivedOnceForgotten(t *testing.T) {
	r := New(nil)
	r.Select([]string{"a", "b"})
	touch := func(contact.Handle, Cause) {}
	r.At(100)
	old := Row{Sequence: 1, Entered: true, Carries: true, Profile: []byte("p"), Email: []byte("e@x"), Hash: 1}
	stays := Row{Sequence: 2, Entered: true, Carries: true, Profile: []byte("q"), Email: []byte("f@x"), Hash: 1}
	r.Fold(old, touch)
	r.Fold(stays, touch)
	r.Pend(Refresh{First: 2, Count: 1, Sequence: 3, Until: 3})
	r.Judge(0, 3, true, touch)
	if n := r.Forget(200); n != 1 {
		t.Fatalf("%d were forgotten, want 1", n)
	}
	r = mustReload(t, r)
	if r.Current([]byte("p"), 0, 1) || r.Fold(old, touch) != Stale || len(r.desiredNow()) != 1 {
		t.Fatal("an event from before the refresh revived who had left")
	}
	if r.Fold(stays, touch) != Folded || !r.Current([]byte("q"), 0, 2) {
		t.Fatal("a member's own event is read again as before")
	}
	old.Segment, old.Sequence = 1, 1
	if r.Fold(old, touch) != Folded || len(r.desiredNow()) != 2 {
		t.Fatal("the refresh was of another segment")
	}
	old.Segment, old.Sequence = 0, 4
	if r.Fold(old, touch) != Folded {
		t.Fatal("who enters after the refresh is a member")
	}
	r.Drop(0, 5, touch)
	old.Sequence = 1
	if r.Fold(old, touch) != Folded {
		t.Fatal("a segment that was taken away and comes back is read from its first event")
	}
}

// H6: a member whose row of a refresh could not be read was seen, and stays; the next refresh judges it anew.
func TestAMemberWhoseRowOfARefreshCannotBeReadStays(t *testing.T) {
	r := New(nil)
	r.Select([]string{"a"})
	touch := func(contact.Handle, Cause) {}
	on := func(contact.Handle) bool { return true }
	for n, id := range []string{"garbled", "departed"} {
		r.Fold(Row{Sequence: uint64(n + 1), Entered: true, Carries: true, Profile: []byte(id), Email: []byte(id + "@x"), Hash: 1}, touch)
	}
	r.Seen(0, []byte("garbled"), 3)
	for _, c := range []struct {
		first, own   uint64
		sweeps, left int
	}{{3, 4, 1, 1}, {5, 6, 1, 0}} {
		f := Refresh{First: c.first, Sequence: c.own, Until: c.own}
		r.Pend(f)
		r = mustReload(t, r)
		if n := r.Sweeps(f, on); n != c.sweeps {
			t.Errorf("the refresh at %d would let go of %d, want %d", c.own, n, c.sweeps)
		}
		r.Judge(0, c.own, true, touch)
		if got := len(r.desiredNow()); got != c.left {
			t.Errorf("after the refresh at %d, %d are members, want %d", c.own, got, c.left)
		}
	}
}

// A profile that was erased and entered again since the first sequence is one profile (contract, refreshed).
func TestAProfileErasedAndEnteredAgainCountsOnce(t *testing.T) {
	r := New([]byte("salt"))
	r.Select([]string{"a"})
	touch := func(contact.Handle, Cause) {}
	enter := Row{Sequence: 5, Entered: true, Carries: true, Profile: []byte("p"), Email: []byte("e@x"), Hash: 1}
	r.Fold(enter, touch)
	r.Erase([]byte("p"), 6, touch)
	if got := r.Count(0, 5); got != 1 {
		t.Fatalf("the erased one counts %d times", got)
	}
	enter.Sequence = 7
	r.Fold(enter, touch)
	if got := r.Count(0, 5); got != 1 {
		t.Fatalf("erased and back it counts %d times", got)
	}
	if got := r.Count(0, 7); got != 1 {
		t.Fatalf("since its return it counts %d times", got)
	}
}
