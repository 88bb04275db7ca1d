package check

import (
	"testing"

	"rollcall/internal/config"
	"rollcall/internal/ledger/record"
)

// One list named under two account ids is one list: by its own id and the account's address.
func TestAListIsTheSameWhateverItsAccountIsCalled(t *testing.T) {
	cfg := &config.Config{
		Accounts:     []config.Account{{ID: "acme", BaseURL: "https://api.sendgrid.com"}, {ID: "eu", BaseURL: "https://api.eu.sendgrid.com"}},
		Destinations: []config.Destination{{ID: "one", Account: "acme", ListID: "l1"}, {ID: "two", Account: "eu", ListID: "l1"}},
	}
	got := sameList(cfg, record.Binding{BaseURL: "https://api.sendgrid.com", List: "l1"})
	if len(got) != 1 || got[0].ID != "one" {
		t.Fatalf("%d have the list", len(got))
	}
	if got := sameList(cfg, record.Binding{BaseURL: "https://api.sendgrid.com", List: "l2"}); len(got) != 0 {
		t.Fatalf("%d have another list", len(got))
	}
}
