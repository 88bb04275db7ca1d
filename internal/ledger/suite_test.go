package ledger_test

import (
	"testing"

	"rollcall/internal/ledger"
	"rollcall/internal/model/fakeledger"
	"rollcall/internal/testkit"
)

// The suite that the model's ledger in memory has to pass as well.
func TestTheLedgerPassesTheSuiteOfTheFakeOne(t *testing.T) {
	for name, options := range map[string]ledger.Options{"by consumers": {}, "by gets": {Gets: true}} {
		t.Run(name, func(t *testing.T) {
			fakeledger.Suite(t, func(t *testing.T) fakeledger.Fresh {
				c := testkit.Broker(t)
				return fakeledger.Fresh{Open: func() fakeledger.Ledgered {
					j, err := ledger.Open(t.Context(), c.JS, "a", options)
					if err != nil {
						t.Fatal(err)
					}
					return j
				}, Stray: func() {
					if _, err := c.JS.Publish(t.Context(), "rollcall.ledger.a", []byte("no entry")); err != nil {
						t.Fatal(err)
					}
				}}
			})
		})
	}
}
