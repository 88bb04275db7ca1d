package pipeline

import (
	"testing"
	"time"

	"rollcall/internal/contact"
)

// What look-ups told is bounded, whoever comes and goes (I11); the newest is there in any case.
func TestWhatLookUpsToldIsBounded(t *testing.T) {
	k, email := newKnown(), []byte("ada@example.com")
	for h := contact.Handle(1); h <= mostKnown+1000; h++ {
		k.saw(h, email, "id", true, time.Unix(1, 0))
		if _, ok := k.row(h, email); !ok {
			t.Fatalf("contact %d is forgotten at once", h)
		}
	}
	if len(k.rows) != mostKnown {
		t.Errorf("%d are kept", len(k.rows))
	}
}
