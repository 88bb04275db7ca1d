package fakeledger_test

import (
	"testing"

	"rollcall/internal/model/fakeledger"
)

func TestTheFakeLedgerPassesTheRealOnesSuite(t *testing.T) {
	fakeledger.Suite(t, func(*testing.T) func() fakeledger.Ledgered {
		l := fakeledger.New()
		return func() fakeledger.Ledgered { return l.Open() }
	})
}
