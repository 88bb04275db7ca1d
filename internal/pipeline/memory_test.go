package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"runtime"
	"testing"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
	"rollcall/internal/window"
)

// crowd is a state made of entries alone, as a loading replica makes it.
type crowd struct {
	tb    testing.TB
	state *state.State
	at    int64
	batch uint64
	id    func(i int) []byte
}

// uuid and opaque are the ids of profiles that engines make.
func uuid(i int) []byte {
	return fmt.Appendf(nil, "5f0c2a9e-77aa-4b1c-9d5e-%012x", uint64(i)*0x9e3779b97f4a7c15>>16)
}
func opaque(i int) []byte { return fmt.Appendf(nil, "user_%015d", i) }

// long is an id as long as a UUID's text, of characters that have no pattern.
func long(i int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d", i))
	return base64.RawURLEncoding.AppendEncode(nil, sum[:27])
}

func newCrowd(tb testing.TB) *crowd {
	s := state.NewState(state.Policy{Window: window.Policy{Quiet: time.Second, MaxWait: time.Minute}}, []byte("salt"))
	s.Roster.Select([]string{"everybody"})
	return &crowd{tb: tb, state: s, at: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano(), id: uuid}
}

func (c *crowd) apply(r record.Record) {
	c.tb.Helper()
	if err := c.state.Apply(record.AppendRecord(record.NewEntry(nil), r)); err != nil {
		c.tb.Fatal(err)
	}
}

// entryRows is how many rows go into one entry.
const entryRows = 1000

// fold commits one event of each of the profiles from one up to another.
func (c *crowd) fold(from, n int, entered bool) {
	c.tb.Helper()
	fields := contact.AppendField(nil, 1, contact.Text, []byte("Ada"))
	for first := from; first < n; first += entryRows {
		var rows []byte
		var before record.Row
		for i := first; i < min(first+entryRows, n); i++ {
			row := record.Row{
				Kind: record.RowMembership, Entered: entered, Carries: entered, Sequence: c.state.Meta.Cursor + uint64(i-first) + 1,
				Time: c.at / 1e6, Profile: c.id(i),
			}
			if entered {
				row.Email, row.Fields = fmt.Appendf(nil, "person.%07d@example.com", i), fields
			}
			rows = record.AppendRow(rows, &before, &row)
			before = row
		}
		c.apply(&record.Commit{At: c.at, Cursor: c.state.Meta.Cursor + entryRows, Time: c.at, Events: entryRows, Rows: rows})
	}
}

// send brings an operation on the contacts from one up to another to its end.
func (c *crowd) send(op contact.Operation, from, n int) {
	c.tb.Helper()
	for first := from; first < n; first += entryRows {
		c.batch++
		intent := &record.Intent{Batch: c.batch, Operation: op, At: c.at}
		for h := first; h < min(first+entryRows, n); h++ {
			intent.Handles = append(intent.Handles, contact.Handle(h+1))
		}
		c.apply(intent)
		c.apply(&record.Settled{Batch: c.batch, At: c.at, All: record.Applied})
	}
}

// wait lets the contacts from one up to another wait.
func (c *crowd) wait(from, n int) {
	c.tb.Helper()
	for first := from; first < n; first += entryRows {
		w := &record.Wait{}
		for h := first; h < min(first+entryRows, n); h++ {
			w.Handles = append(w.Handles, contact.Handle(h+1))
		}
		c.apply(w)
	}
}

// situations are what a profile may come to, and the bytes that it may take then (I11).
var situations = []struct {
	name  string
	most  float64
	bring func(c *crowd, n int)
	are   func(st state.Stats) int
}{
	{"listed", 400, func(c *crowd, n int) { c.fold(0, n, true); c.send(contact.Upsert, 0, n) }, func(st state.Stats) int { return st.Listed }},
	{"waiting", 150, func(c *crowd, n int) { // in a segment of twenty times the cap
		c.fold(0, n, true)
		c.send(contact.Upsert, 0, n/20)
		c.wait(n/20, n)
	}, func(st state.Stats) int { return st.Waiting + st.Listed }},
	{"departed", 80, func(c *crowd, n int) {
		for from := 0; from < n; from += n / 10 { // they come and go for a while
			to := min(from+n/10, n)
			c.fold(from, to, true)
			c.send(contact.Upsert, from, to)
			c.fold(from, to, false)
			c.send(contact.Remove, from, to)
			c.state.Window.Due(c.at+int64(time.Hour), func(contact.Handle) {}) // as a planner does
		}
	}, func(st state.Stats) int { return st.Profiles - st.Listed - st.Waiting }},
}

// bring makes n profiles as a situation has them.
func (c *crowd) bring(n int, bring func(*crowd, int), are func(state.Stats) int) {
	c.tb.Helper()
	bring(c, n)
	if got := are(c.state.Stats()); got != n {
		c.tb.Fatalf("%d profiles are as asked, want %d", got, n)
	}
}

// loaded is the bytes of heap that each of n profiles takes in a replica that starts from their snapshot; lived is
// what each takes in the one that made them.
func loaded(tb testing.TB, n int, id func(int) []byte, bring func(*crowd, int), are func(state.Stats) int) float64 {
	tb.Helper()
	c := newCrowd(tb)
	c.id = id
	c.bring(n, bring, are)
	var snapshot bytes.Buffer
	if err := c.state.Write(&snapshot); err != nil {
		tb.Fatal(err)
	}
	c.state = nil
	defer runtime.KeepAlive(&snapshot)
	return grown(n, func() *state.State {
		s := state.NewState(state.Policy{}, []byte("salt"))
		if err := s.Read(bytes.NewReader(snapshot.Bytes())); err != nil {
			tb.Fatal(err)
		}
		return s
	})
}

func lived(tb testing.TB, n int, id func(int) []byte, bring func(*crowd, int), are func(state.Stats) int) float64 {
	tb.Helper()
	return grown(n, func() *state.State {
		c := newCrowd(tb)
		c.id = id
		c.bring(n, bring, are)
		return c.state
	})
}

func grown(n int, state func() *state.State) float64 {
	before := heap()
	s := state()
	after := heap()
	runtime.KeepAlive(s)
	return float64(after-min(before, after)) / float64(n)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// I11: memory is bounded by the profiles that the ledger keeps.
func TestAProfileTakesAFewBytesOnceLoaded(t *testing.T) {
	for _, s := range situations {
		if got := loaded(t, 50_000, uuid, s.bring, s.are); got > s.most*1.1 { // tables of so few are coarse
			t.Errorf("a %s profile takes %.0f bytes, at most %.0f are agreed", s.name, got, s.most)
		}
	}
}

// What a profile takes in each situation, with ids of either kind: in a replica that has loaded it, which is bounded, and
// in the one that lived through it.
func BenchmarkMemoryPerProfile(b *testing.B) {
	for _, s := range situations {
		for name, id := range map[string]func(int) []byte{"uuid": uuid, "opaque": opaque, "long": long} {
			b.Run(s.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					got := loaded(b, 400_000, id, s.bring, s.are)
					b.ReportMetric(got, "bytes/profile")
					b.ReportMetric(lived(b, 400_000, id, s.bring, s.are), "lived-bytes/profile")
					if got > s.most && (s.name != "departed" || name != "long") { // such an id alone takes 27 bytes: told, not bounded
						b.Errorf("a %s profile takes %.0f bytes, at most %.0f are agreed", s.name, got, s.most)
					}
				}
			})
		}
	}
}

// I13: what loading a million listed contacts takes, without the broker.
func BenchmarkLoadSnapshot(b *testing.B) {
	const n = 1_000_000
	c := newCrowd(b)
	c.fold(0, n, true)
	c.send(contact.Upsert, 0, n)
	var snapshot bytes.Buffer
	if err := c.state.Write(&snapshot); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := state.NewState(state.Policy{}, []byte("salt")).Read(bytes.NewReader(snapshot.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(snapshot.Len())/n, "bytes/contact")
}

// The fold of journal entries: what living and loading both do with each event.
func BenchmarkApplyRows(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		newCrowd(b).fold(0, n, true)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}
