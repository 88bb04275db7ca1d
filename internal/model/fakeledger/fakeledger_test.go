package fakeledger_test

import (
	"testing"

	"rollcall/internal/model/fakeledger"
)

func TestTheFakeLedgerPassesTheRealOnesSuite(t *testing.T) {
	fakeledger.Suite(t, func(*testing.T) fakeledger.Fresh {
		l := fakeledger.New()
		return fakeledger.Fresh{Open: func() fakeledger.Ledgered { return l.Open() }, Stray: l.Stray}
	})
}
