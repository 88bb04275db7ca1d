package roster

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/internal/contact"
)

// H40: what an older rule folded, respelled, is desired as if the newer rule had folded it, by the same profiles; nothing
// names what was merged any more.
func TestRespellingIsAsIfTheNewerRuleHadFoldedAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := New([]byte("salt")), New([]byte("salt"))
		before.Select([]string{"a", "b"})
		after.Select([]string{"a", "b"})
		none := func(contact.Handle, Cause) {}
		emails := []string{"zoë@b", "ZOË@b", "Zoë@b", "\u212am@b", "km@b", "é@ü", "é@Ü", ""}
		for seq := range uint64(rapid.IntRange(1, 30).Draw(t, "events")) {
			row := Row{
				Sequence: seq + 1, Segment: uint16(rapid.IntRange(0, 1).Draw(t, "segment")), Entered: rapid.IntRange(0, 3).Draw(t, "in") > 0,
				Carries: true, Profile: fmt.Append(nil, "p", rapid.IntRange(0, 4).Draw(t, "profile")),
				Email: []byte(rapid.SampledFrom(emails).Draw(t, "email")), Hash: seq + 1,
			}
			before.Fold(row, none)
			row.Email, _ = contact.Normalize(nil, row.Email)
			after.Fold(row, none)
		}
		merged := before.Respell(contact.Normalize)
		for h := contact.Handle(1); uint32(h) < after.Contacts(); h++ {
			was := before.Find(after.Email(h))
			if after.Desired(h) != before.Desired(was) || after.Hash(h) != before.Hash(was) || after.Source(h) != before.Source(was) {
				t.Fatalf("%s is desired %v by %d, want %v by %d", after.Email(h), before.Desired(was), before.Source(was), after.Desired(h), after.Source(h))
			}
			if got, want := holders(before, was), holders(after, h); !slices.Equal(got, want) {
				t.Fatalf("%s is held by %v, want %v", after.Email(h), got, want)
			}
		}
		for _, one := range merged {
			if before.Desired(one.From) || !one.Stranger && !before.Idle(one.From) {
				t.Fatalf("%q is named, though %d stands for it", before.Email(one.From), one.To)
			}
		}
		loaded := New([]byte("salt"))
		if err := loaded.Load(before.Append(nil)); err != nil || !slices.Equal(loaded.Append(nil), before.Append(nil)) {
			t.Fatalf("the respelled roster is not loaded as it was: %v", err)
		}
	})
}

func holders(r *Roster, h contact.Handle) []string {
	var ids []string
	for _, p := range r.Holders(h) {
		ids = append(ids, p.ID)
	}
	slices.Sort(ids)
	return ids
}
