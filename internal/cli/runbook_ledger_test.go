package cli

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/app"
	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/desk/check"
)

func TestRunbookTheLedgerWasRestoredFromYesterday(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("The ledger was restored from yesterday")
	s.consume()
	s.enter("Ada", "Grace")
	s.settled(2)
	p.play("consumer ledger backup newsletter newsletter.backup")
	s.event("high-value", "grace", "")
	s.enter("Alan")
	want := []string{"ada", "alan"}
	s.until("Grace left, Alan came", func() bool { return slices.Equal(named(s.sim, s.list), want) })
	s.settled(2)
	p.cut()
	p.happens("a day goes by: Grace leaves, Alan enters; every consumer is stopped")
	s.stop()
	p.play("consumer ledger restore newsletter newsletter.backup --comment 'restored from yesterday'")
	p.play("consumer status newsletter")
	p.happens("consumer run is started again")
	s.consume()
	s.until("caught up", func() bool { a := s.status(); return a.Cursor == 4 && a.Listed == 2 && owesNothing(a) })
	s.judged("newsletter")
	p.play("consumer verify newsletter")
	p.play("consumer ledger commands newsletter")
	if got := named(s.sim, s.list); !slices.Equal(got, want) {
		t.Errorf("%d contacts on the list", len(got))
	}
}

// replica runs a consumer with the file as it is now, in this process and under a name of its own, until the returned
// function is called.
func (s *system) replica(name, version string) (stop func()) {
	s.t.Helper()
	cfg, err := config.Load(filepath.Join(s.dir, "rollcall.yaml"), s.env)
	if err != nil {
		s.t.Fatal(err)
	}
	a := app.New(cfg, app.Options{Conn: testkitConn(s), Replica: name, Version: version})
	if err := a.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			if err := a.Stop(context.Background()); err != nil {
				s.t.Error(err)
			}
		}
	}
	s.t.Cleanup(stop)
	return stop
}

// runs waits until a replica is the active one, with so many standing by.
func (s *system) runs(name string, standbys int) {
	s.t.Helper()
	s.until(name+" is active", func() bool {
		a := s.status()
		return a.Replica == name && len(a.Standbys) == standbys && owesNothing(a)
	})
}

// One replica after the other is upgraded, with a configuration of its own; the older one stands by. Back is the
// older file with a higher revision. A ledger that only the newer release can read is replaced by the backup.
func TestRunbookUpgradeAndOneReleaseBack(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("Upgrade, and one release back")
	older := s.replica("host-1", "1.0.0")
	s.enter("Ada", "Grace")
	s.settled(2)
	p.play("consumer ledger backup newsletter before.backup")
	s.edit("nats: {", "revision: 1\nnats: {")
	newer := s.replica("host-2", "1.1.0")
	s.runs("host-1", 1)
	p.happens("the newer release is started on host-2, with revision 1 in its file")
	p.play("consumer status newsletter")
	older()
	s.runs("host-2", 0)
	p.happens("host-1 is stopped")
	p.play("consumer status newsletter")
	p.play("consumer ledger check newsletter")

	p.cut()
	newer()
	s.edit("revision: 1", "revision: 0")
	older = s.replica("host-1", "1.0.0")
	s.until("it stands by", func() bool { a := s.status(); return len(a.Standbys) == 1 && a.Standbys[0].StaleConfig })
	p.happens("host-2 is stopped, and the older release is started on host-1 with its old file")
	p.play("consumer status newsletter")
	older()
	s.edit("revision: 0", "revision: 2")
	older = s.replica("host-1", "1.0.0")
	s.runs("host-1", 0)
	p.happens("revision 2 is written into the old file, and host-1 is started again")
	p.play("consumer status newsletter")
	p.play("consumer ledger check newsletter")

	p.cut()
	older()
	s.future()
	older = s.replica("host-1", "1.0.0")
	s.until("suspended", func() bool { return s.status().Reason == "newer_build" })
	p.happens("a release that is two ahead has written the ledger, and host-1 is started with the older one")
	p.play("consumer status newsletter")
	older()
	p.happens("no such release is to be had any more: host-1 is stopped")
	p.play("consumer ledger restore newsletter before.backup --comment 'back to 1.0'")
	older = s.replica("host-1", "1.0.0")
	s.runs("host-1", 0)
	s.settled(2)
	s.judged("newsletter")
	p.happens("host-1 is started again")
	p.play("consumer verify newsletter")
	older()
}

// future writes an entry into the ledger as a release does that this one cannot read.
func (s *system) future() {
	s.t.Helper()
	stream, err := s.conn.JS.Stream(s.t.Context(), broker.LedgerStream)
	if err != nil {
		s.t.Fatal(err)
	}
	last, err := stream.GetLastMsgForSubject(s.t.Context(), ledgerSubject+"newsletter")
	if err != nil {
		s.t.Fatal(err)
	}
	s.entry(last.Sequence, "2", []byte("a form of the future"))
}

// entry publishes an entry of a form behind another.
func (s *system) entry(previous uint64, form string, body []byte) uint64 {
	s.t.Helper()
	m := nats.NewMsg(ledgerSubject + "newsletter")
	m.Data = body
	m.Header.Set("Rollcall-Entry", fmt.Sprint("entry-", previous))
	m.Header.Set("Rollcall-Previous", fmt.Sprint(previous))
	m.Header.Set("Rollcall-Format", form)
	ack, err := s.conn.JS.PublishMsg(s.t.Context(), m, jetstream.WithExpectLastSequencePerSubject(previous))
	if err != nil {
		s.t.Fatal(err)
	}
	return ack.Sequence
}

// I13: the ledger that the first release wrote, put on the broker entry by entry, is folded by this one's commands to
// the state that it was then.
func TestALedgerOfTheFirstReleaseIsReadByTheCommands(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	if err := s.conn.EnsureStreams(t.Context(), broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.JS.Publish(t.Context(), ledgerSubject+"_installation", []byte(`{"hash_key":"a2V5","tombstone_salt":"c2FsdA=="}`)); err != nil {
		t.Fatal(err)
	}
	journal, err := os.ReadFile("../ledger/testdata/v1/journal")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../ledger/testdata/v1/digest")
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for len(journal) > 0 {
		n := binary.LittleEndian.Uint32(journal)
		last = s.entry(last, "1", journal[4:4+n])
		journal = journal[4+n:]
	}
	var c ledgerCheck
	s.json(&c, "ledger", "check", "newsletter")
	if c.Digest != strings.TrimSpace(string(want)) || c.Snapshot != string(check.Passed) || c.Entry != last {
		t.Errorf("read as %+v, want digest %s", c, want)
	}
	a := s.status()
	if a.State != "inactive" || a.Listed != c.Listed || a.Listed == 0 || a.Cursor != c.Cursor {
		t.Errorf("status: %+v", a)
	}
	if commands := s.must("ledger", "commands", "newsletter"); !strings.Contains(commands, "pause") {
		t.Errorf("its commands: %s", commands)
	}
}
