package roster

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Ids that differ are never packed alike, whatever they are made of, and each comes out as it went in.
func TestPackedIDsAreReversibleAndDiffer(t *testing.T) {
	ids := rapid.OneOf(
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9A-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[a-z0-9_.:-]{1,40}`), rapid.StringMatching(`[A-Za-z0-9_-]{1,45}`), rapid.StringMatching(`[ -~]{13,22}`), rapid.StringN(1, 60, 200),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		packedA, uuidA := packID([]byte("before"), []byte(a))
		packedB, _ := packID(nil, []byte(b))
		packedA = packedA[len("before"):]
		if got := string(unpackID(nil, packedA, uuidA)); got != a {
			t.Fatalf("%q comes out as %q", a, got)
		}
		if n := keyLength(append(packedA, "after"...), uuidA); n != len(packedA) {
			t.Fatalf("%q takes %d bytes, told are %d", a, len(packedA), n)
		}
		if bytes.Equal(packedA, packedB) != (a == b) {
			t.Fatalf("%q and %q are packed as %x and %x", a, b, packedA, packedB)
		}
	})
}

// An opaque id whose packed form would be as long as a UUID's is told from the UUID of those bytes.
func TestAnOpaqueIDIsNoUUID(t *testing.T) {
	for _, length := range []int{14, 15, 16, 19, 20, 21} {
		for _, letter := range []string{"a", "A"} {
			packed, uuid := packID(nil, []byte(strings.Repeat(letter, length)))
			if uuid || len(packed) == uuidBytes {
				t.Errorf("%d of %s are packed in %d bytes", length, letter, len(packed))
			}
		}
	}
}

// Contacts are found by their e-mail whatever it is made of, also where their domain got a number, lost it, or got none
// because there were too many.
func TestContactsAreFoundByTheirEmailWhateverItsDomainsFate(t *testing.T) {
	r := New([]byte("salt"))
	var all []string
	for n := range mostDomains + 100 {
		all = append(all, fmt.Sprintf("person@domain-%d.example", n))
	}
	all = append(all, "O'Brien@Example.COM", strings.Repeat("long", 30)+"@example.com", "ümlaut@example.com", "no-at-sign", "a@b@example.com")
	find := func(live func(n int) bool) {
		t.Helper()
		for n, email := range all {
			h := r.Find([]byte(email))
			if (h != 0) != live(n) || h != 0 && string(r.Email(h)) != email {
				t.Fatalf("%s is found as contact %d with the e-mail %q", email, h, r.Email(h))
			}
		}
	}
	for _, email := range all {
		r.Intern([]byte(email))
	}
	find(func(int) bool { return true })
	for n, email := range all {
		if n%2 == 0 {
			r.Release(r.Find([]byte(email)))
		}
	}
	find(func(n int) bool { return n%2 == 1 })
	for n := range mostDomains { // they take the numbers of those that were let go of
		r.Intern(fmt.Appendf(nil, "other@another-%d.example", n))
	}
	for n := len(all) - 105; n < len(all)-5; n++ { // whole ones whose domain has a number now
		r.Intern([]byte("second" + all[n]))
	}
	find(func(n int) bool { return n%2 == 1 })
	if got := len(r.domains.numbers); got > mostDomains {
		t.Errorf("%d domains have a number", got)
	}
}
