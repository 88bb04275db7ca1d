package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
)

// The proof of an erasure is there when the receipts have aged out, when the ledger was restored on a new broker, and when its
// destination was removed.
func TestTheProofOfAnErasureOutlivesReceiptsDisksAndItsDestination(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	s.start()
	s.active()
	s.enter("Ada", "Grace")
	s.settled(2)
	erased := `{"specversion":"1.0","id":"erased","source":"/test","type":"rollcall.profile.erased.v1","data":{"profile_id":"ada","emails":["ada@example.com"]}}`
	if _, err := s.conn.JS.Publish(t.Context(), segment.ErasedSubject("ada"), []byte(erased)); err != nil {
		t.Fatal(err)
	}
	proof := func() string { return s.must("receipts", "newsletter", "--kind", "erasure", "--json") }
	s.until("proven", func() bool { return proof() != "" })
	s.settled(1)
	want := proof()
	if strings.Count(want, "\n") != 1 || !strings.Contains(want, `"erasure"`) {
		t.Fatalf("the proof is %s", want)
	}
	s.purge(broker.ReceiptStream)
	if got := proof(); got != want {
		t.Errorf("without the receipts it is %q, want %q", got, want)
	}
	s.stop()
	path := filepath.Join(s.dir, "newsletter.backup")
	s.must("ledger", "backup", "newsletter", path)
	s.purge(broker.LedgerStream, jetstream.WithPurgeSubject(broker.ProofSubjects("newsletter"))) // as with lost disks
	if got := proof(); got != "" {
		t.Fatalf("without its disks the broker has %s", got)
	}
	s.must("ledger", "restore", "newsletter", path, "--yes")
	s.must("ledger", "restore", "newsletter", path, "--yes")
	if got := proof(); got != want {
		t.Errorf("restored it is %q, want %q", got, want)
	}
	s.rename("other")
	s.must("remove", "newsletter", "--yes")
	if got := proof(); got != want {
		t.Errorf("of a removed destination it is %q, want %q", got, want)
	}
	if status, _, errs := s.run("receipts", "nobody"); status != int(Misuse) || !strings.Contains(errs, "nobody") {
		t.Errorf("of a destination that never was: %d %s", status, errs)
	}
}

// purge empties a stream, or a part of it.
func (s *system) purge(name string, what ...jetstream.StreamPurgeOpt) {
	s.t.Helper()
	stream, err := s.conn.JS.Stream(s.t.Context(), name)
	if err == nil {
		err = stream.Purge(s.t.Context(), what...)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
