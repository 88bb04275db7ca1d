package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatCannotBeResolvedNowIsAsItWasResolvedBefore(t *testing.T) {
	before := everything(false)
	now := Spec{EmailAttribute: "mail", Fields: []Field{
		{Name: "first_name", Attribute: "given"},
		{Name: "points", Attribute: "score", Custom: true},
		{Name: "new", Attribute: "new", Custom: true},
	}}
	if diff := cmp.Diff([]string{"points", "new"}, now.Unresolved()); diff != "" {
		t.Error(diff)
	}
	got := now.ResolvedLike(before)
	want := []Field{now.Fields[0], {Name: "points", Attribute: "score", Custom: true, ID: "e2_N", Type: Number}}
	if diff := cmp.Diff(want, got.Fields); diff != "" || len(got.Unresolved()) != 0 {
		t.Errorf("unresolved %v, %s", got.Unresolved(), diff)
	}
	if now.Fields[1].ID != "" {
		t.Error("the spec that was asked was changed")
	}
}

// Contract section 3: a number or date can't be cleared at SendGrid: left, and counted.
func TestNumbersAndDatesThatCannotBeClearedAreCounted(t *testing.T) {
	m := mapper(t, everything(false))
	all := m.Map(nil, []byte(`{`+withMail+`,"first":"Ada","tier":"gold","points":7,"born":"1815-12-10"}`)).Fields
	const sentBefore = 15
	for attributes, want := range map[string]int{`{}`: 2, `{"points":8}`: 1, `{"points":null,"born":null,"first":"A"}`: 2} {
		if got := m.Uncleared(m.Map(nil, []byte(attributes)).Fields, sentBefore); got != want {
			t.Errorf("%s: %d are not cleared, want %d", attributes, got, want)
		}
	}
	if got := m.Uncleared(all, sentBefore|1<<40); got != 0 {
		t.Errorf("all are there, or not mapped any more: %d", got)
	}
}
