package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/sendgrid/simulator"
)

// say publishes an event of a type on a subject.
func (g *ground) say(subject, kind, data string) {
	g.t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","source":"/t","type":"rollcall.%s.v1","data":%s}`, subject, time.Now().UnixNano(), kind, data)
	if _, err := g.conn.JS.Publish(g.t.Context(), subject, []byte(body)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) has(list, email string) bool {
	found := false
	g.sim.Contacts(g.lists[list], func(c simulator.Contact) { found = found || c.Email == email })
	return found
}

// erasures counts the proofs of a destination.
func (g *ground) erasures(destination string) (n int) {
	g.t.Helper()
	err := g.conn.ReadRange(g.t.Context(), broker.Range{Stream: broker.ReceiptStream, Filters: []string{"rollcall.receipts." + destination}}, func(m broker.Message) error {
		if strings.Contains(string(m.Body), `"erasure"`) {
			n++
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// H15: a deletion is account-wide. A destination that is not claimed cannot note what was deleted under it; the erasure does not
// wait for it, and it adds again whom it desires as soon as it runs. What is left for it meanwhile names nobody.
func TestAnErasureDoesNotWaitForADestinationThatIsNotClaimed(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0", "d1")
	of := func(text string) string { // the second destination has a segment of its own
		at := strings.LastIndex(text, "segments: [s]")
		return text[:at] + "segments: [t]" + text[at+len("segments: [s]"):]
	}
	elsewhere := func(text string) string {
		return strings.Replace(of(text), g.lists["d1"], "00000000-0000-4000-8000-00000000ffff", 1)
	}
	a := g.start("a", g.file(of, "d0", "d1"))
	g.say("segments.membership.s.p", "membership.changed", `{"segment_id":"s","profile_id":"p","change":"entered","attributes":{"email":"shared@example.com"}}`)
	g.say("segments.membership.t.q", "membership.changed", `{"segment_id":"t","profile_id":"q","change":"entered","attributes":{"email":"shared@example.com"}}`)
	eventually(t, "both lists have the contact", func() bool { return g.has("d0", "shared@example.com") && g.has("d1", "shared@example.com") })
	settled := func(r *replica, d string) bool {
		st, _ := r.Stats(d)
		return st.Listed == 1 && st.Dirty() == 0
	}
	eventually(t, "and their ledgers know it", func() bool { return settled(a, "d0") && settled(a, "d1") })
	a.stop(t)

	b := g.start("b", g.file(elsewhere, "d0", "d1"))
	eventually(t, "the second destination is not claimed", func() bool { st, _ := b.Stats("d1"); return st.Suspended == "target_changed" })
	g.say("segments.erased.p", "profile.erased", `{"profile_id":"p"}`)
	eventually(t, "the erasure is proven", func() bool { return g.erasures("d0") == 1 })
	if g.has("d1", "shared@example.com") {
		t.Error("the contact was not deleted")
	}
	hashes, _, err := g.conn.OwedRechecks(t.Context(), "d1")
	if err != nil || len(hashes) != 1 || strings.Contains(hashes[0], "shared") {
		t.Errorf("what is left for the second destination: %v, %v", hashes, err)
	}
	b.stop(t)

	c := g.start("c", g.file(of, "d0", "d1"))
	eventually(t, "it adds again whom it desires", func() bool { return g.has("d1", "shared@example.com") && settled(c, "d1") })
	eventually(t, "nothing is owed any more", func() bool {
		hashes, _, err := g.conn.OwedRechecks(context.WithoutCancel(t.Context()), "d1")
		return err == nil && len(hashes) == 0
	})
	if g.has("d0", "shared@example.com") {
		t.Error("the erased person is back on the first list")
	}
}
