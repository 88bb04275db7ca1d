package ledger_test

import (
	"testing"

	"rollcall/internal/ledger"
	"rollcall/internal/model/fakeledger"
	"rollcall/internal/testkit"
)

// The suite that the model's ledger in memory has to pass as well.
func TestTheLedgerPassesTheSuiteOfTheFakeOne(t *testing.T) {
	fakeledger.Suite(t, func(t *testing.T) func() fakeledger.Ledgered {
		c := testkit.Broker(t)
		return func() fakeledger.Ledgered {
			j, err := ledger.Open(t.Context(), c.JS, "a", ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
	})
}
