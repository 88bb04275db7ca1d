package sendgrid_test

import (
	"errors"
	"slices"
	"testing"

	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// H31: SendGrid refuses a hundred e-mails for one that is malformed; the other ninety-nine are found all the same.
func TestOneMalformedAddressKeepsNobodyFromBeingFound(t *testing.T) {
	onStage(t, simulator.Options{}, func(s *stage) {
		emails := addresses(99)
		s.listed(emails...)
		before := len(s.sim.Requests())
		found, err := s.Lookup(s.Context(), append(slices.Clone(emails), "a..b@example.com"))
		var alone *sendgrid.RefusedError
		if !errors.As(err, &alone) || !slices.Equal(alone.Emails, []string{"a..b@example.com"}) {
			s.Fatalf("refused: %v", err)
		}
		if len(found) != 99 {
			s.Errorf("%d of 99 found", len(found))
		}
		if n := len(s.sim.Requests()) - before; n > 18 {
			s.Errorf("it took %d requests", n)
		}
	})
}

// H31: an account that refuses every look-up refuses the request, not the addresses: nobody is called malformed.
func TestALookUpThatIsAlwaysRefusedCallsNobodyMalformed(t *testing.T) {
	c := &canned{status: 400, body: `{"errors":[{"message":"invalid input"}]}`}
	_, err := client(t, sendgrid.Options{Transport: c}).Lookup(t.Context(), addresses(100))
	var alone *sendgrid.RefusedError
	if e := failure(t, err); errors.As(err, &alone) || e.Class != sendgrid.BadRequest {
		t.Errorf("%v", err)
	}
	if len(c.seen) > 40 {
		t.Errorf("it took %d requests", len(c.seen))
	}
}

// H8, H31: a gateway's 400 says nothing of anybody's address.
func TestAGatewaysPageCallsNobodyMalformed(t *testing.T) {
	c := &canned{status: 400, body: "<html>Bad Request</html>"}
	_, err := client(t, sendgrid.Options{Transport: c}).Lookup(t.Context(), addresses(1))
	var alone *sendgrid.RefusedError
	if e := failure(t, err); errors.As(err, &alone) || e.Class != sendgrid.Malformed || len(c.seen) != 1 {
		t.Errorf("%v after %d requests", err, len(c.seen))
	}
}
