package cli

import (
	"slices"
	"strings"
	"testing"

	"rollcall/internal/desk/check"
)

const ledgerSubject = "rollcall.ledger."

// stray publishes on a subject of the ledger's stream as somebody would who may publish there and should not.
func (s *system) stray(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if _, err := s.conn.JS.Publish(s.t.Context(), ledgerSubject+name, []byte("no entry of anybody's")); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Whatever lies on a ledger's subject and is no entry is passed over by a running consumer, which removes it, and by every
// reader of the ledger, which tells of it.
func TestMessagesAmongTheEntriesOfALedgerHarmNobody(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada")
	s.settled(1)
	s.stray("newsletter", "newsletter")
	s.enter("Grace")
	s.settled(2)
	var c ledgerCheck
	if s.json(&c, "ledger", "check", "newsletter"); c.Foreign != 0 || c.Active != string(check.Passed) {
		t.Errorf("behind the owner's next entry: %+v", c)
	}
	s.stop()
	s.stray("newsletter", "newsletter", "nobody", "no.name")
	if s.json(&c, "ledger", "check", "newsletter"); c.Foreign != 2 || c.Listed != 2 {
		t.Errorf("with none active: %+v", c)
	}
	if text := s.must("ledger", "check", "newsletter"); !strings.Contains(text, "foreign   2 messages") {
		t.Errorf("it says %s", text)
	}
	if text := s.must("explain", "newsletter", "ada@example.com"); !strings.Contains(text, "listed") {
		t.Errorf("explained from the ledger: %s", text)
	}
	s.must("ledger", "dump", "newsletter")
	if text := s.must("status"); strings.Contains(text, "nobody") || strings.Contains(text, "no.name") {
		t.Errorf("a message made a destination: %s", text)
	}
	if status, out, errs := s.run("check"); strings.Contains(out+errs, "nobody configures") || strings.Contains(out+errs, "ledger_damaged") {
		t.Errorf("check: %d %s%s", status, out, errs)
	}
	s.start()
	s.active()
	s.enter("Alan")
	s.settled(3)
	if got := s.onList(); !slices.Equal(got, []string{"ada@example.com", "alan@example.com", "grace@example.com"}) {
		t.Errorf("%d contacts are on the list", len(got))
	}
	if s.json(&c, "ledger", "check", "newsletter"); c.Foreign != 0 || c.Active != string(check.Passed) {
		t.Errorf("after a take-over: %+v", c)
	}
}
