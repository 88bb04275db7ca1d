package broker_test

import (
	"bytes"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

const installationSubject = "rollcall.ledger._installation"

// Whatever somebody else publishes on the installation's subject, before or behind the secrets, is not believed: the first secrets
// hold, for readers too, and who makes them removes the rest.
func TestTheFirstSecretsHoldWhateverLiesBesideThem(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	put := func(bodies ...string) {
		t.Helper()
		for _, body := range bodies {
			if _, err := c.JS.Publish(t.Context(), installationSubject, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("no secrets", `{"hash_key":"a2V5"}`)
	if in, found, err := c.FindInstallation(t.Context()); found || err != nil {
		t.Fatalf("a reader found %+v, %v", in, err)
	}
	first, err := c.Installation(t.Context())
	if err != nil || len(first.TombstoneSalt) == 0 {
		t.Fatalf("%v", err)
	}
	made, err := c.InstallationMade(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put("behind them", `{"hash_key":"a2V5","tombstone_salt":"c2FsdA=="}`, "")
	found, ok, err := c.FindInstallation(t.Context())
	if err != nil || !ok || !bytes.Equal(found.TombstoneSalt, first.TombstoneSalt) {
		t.Errorf("a reader has others: %v", err)
	}
	again, err := c.Installation(t.Context())
	if err != nil || !bytes.Equal(again.TombstoneSalt, first.TombstoneSalt) || !bytes.Equal(again.HashKey, first.HashKey) {
		t.Errorf("the next replica has others: %v", err)
	}
	if at, err := c.InstallationMade(t.Context()); err != nil || !at.Equal(made) {
		t.Errorf("made at %s and at %s, %v", made, at, err)
	}
	stream, err := c.JS.Stream(t.Context(), broker.LedgerStream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(installationSubject))
	if err != nil || info.State.Subjects[installationSubject] != 2 {
		t.Errorf("%d messages are there, want the secrets and those that came too late (%v)", info.State.Subjects[installationSubject], err)
	}
}

// A message that is no recheck keeps no recheck from being done, and goes with those that are.
func TestARecheckIsFoundAmongWhatIsNone(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	for _, body := range []string{"none", `{"hashes":["a"]}`, ""} {
		if _, err := c.JS.Publish(t.Context(), "rollcall.ledger._recheck.d", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	hashes, through, err := c.OwedRechecks(t.Context(), "d")
	if err != nil || len(hashes) != 1 || hashes[0] != "a" {
		t.Fatalf("%v, %v", hashes, err)
	}
	if err := c.RecheckDone(t.Context(), "d", through); err != nil {
		t.Fatal(err)
	}
	if hashes, through, err := c.OwedRechecks(t.Context(), "d"); err != nil || len(hashes) != 0 || through != 0 {
		t.Errorf("after it was done: %v up to %d, %v", hashes, through, err)
	}
}
