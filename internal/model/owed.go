package model

import (
	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
)

// What a loaded ledger owes is not sent before the fold has reached the stream's end as it was at the claim (H34):
// watched from outside, by what the replica that claimed last had committed, and by what the stream still held before
// that end.

// debt is what is known of the last claim.
type debt struct {
	from uint64 // the committed cursor at the claim
	end  uint64 // the stream's last sequence then
}

// owed fails where an intent names a contact that no event after the claim concerns, before the end is reached.
// Deletions of erasures wait for nothing.
func (v *watch) owed(r *record.Intent) {
	if r.Operation == contact.Delete || v.cursor >= v.debt.end {
		return
	}
	held, _ := v.w.stream.from(v.cursor + 1)
	if len(held) == 0 || held[0].Sequence > v.debt.end {
		return
	}
	concerned := v.concerned()
	for _, h := range r.Handles {
		if email := v.shadow.Email(h); !concerned[email] {
			v.w.fail("H34: %s of %s is intended, which the loaded ledger owed: the fold is at %d, and the stream ended at %d when it was claimed",
				r.Operation, email, v.cursor, v.debt.end)
		}
	}
}

// concerned are the addresses that a profile had of which an event was folded since the claim.
func (v *watch) concerned() map[string]bool {
	events := v.w.stream.published()
	changed := map[string]bool{}
	for _, e := range events {
		if e.Seq > v.debt.from && e.Seq <= v.cursor && (e.Kind == "membership" || e.Kind == "erased") {
			changed[e.Profile] = true
		}
	}
	out := map[string]bool{}
	for _, e := range events {
		if address, ok := e.Attributes["email"].(string); ok && e.Seq <= v.cursor && changed[e.Profile] {
			out[identity(address)] = true
		}
	}
	return out
}
