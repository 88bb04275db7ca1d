package publish

import (
	"errors"
	"strings"
	"testing"

	"rollcall/internal/segment"
)

// A CSV file that pads its cells names the same profiles as one that does not: an exit for "ada" must not miss "ada ".
func TestTheIDsOfACSVFileAreTrimmedAsItsHeaderIs(t *testing.T) {
	expect(t, "profile_id , segment_id, change, email\nada , one , exited , Ada\n\u00a0ada\t,,entered,\n \" ada \",one,exited,\n\"ada \",one,\" exited\",\n", entering,
		`2: one ada exited {"email":" Ada"}`, `3: seg ada entered {"email":null}`,
		"4: unreadable: a quote stands inside a cell that is not quoted", `5: one ada exited {"email":null}`)
	expect(t, "profile_id,email\n ,x\n", entering, "2: schema: data.profile_id is empty")
}

// JSON spells ids exactly. One that is padded is another profile's than a CSV file can name, so that it is refused; but an
// event that lets go of a profile which was entered so is taken as it stands.
func TestAPaddedIDInJSONIsRefusedUnlessItLetsGo(t *testing.T) {
	member := func(change string) string {
		return cloudEvent("rollcall.membership.changed.v1", `{"segment_id":"s","profile_id":"ada ","change":"`+change+`","attributes":{}}`)
	}
	const want = "schema: profile_id begins or ends with white space"
	expect(t, strings.Join([]string{
		`{"profile_id":"ada ","attributes":{}}`, `{"profile_id":"\u00a0ada","change":"exited"}`, `{"profile_id":"ada","segment_id":" s","attributes":{}}`,
		member("entered"), member("exited"), cloudEvent("rollcall.profile.erased.v1", `{"profile_id":"ada "}`),
	}, "\n"), ReadOptions{Segment: "seg"},
		"1: "+want, "2: "+want, "3: schema: segment_id holds something else than letters, digits, _ and -", "4: "+want, "5: s ada  exited {}", "6: ada  erased []")
}

// An address that an erasure names and that is no e-mail would be passed over without a word.
func TestAnErasureOfWhatIsNoEmailIsRefused(t *testing.T) {
	c := newEncoder("/t", true)
	if _, err := c.erased("ada", []string{" Ada@Example.com "}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"ada", "", "ada@x@y", "\u212aim@example.com"} {
		var refused *RowError
		if _, err := c.erased("ada", []string{"ada@example.com", bad}); !errors.As(err, &refused) || refused.Reason != segment.ReasonInvalidEmail {
			t.Errorf("%q: %v", bad, err)
		} else if bad != "" && strings.Contains(refused.Detail, bad) {
			t.Errorf("the refusal names a person: %v", err)
		}
	}
}
