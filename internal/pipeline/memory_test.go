package pipeline

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/window"
)

// crowd is a state made of entries alone, as a loading replica makes it.
type crowd struct {
	tb    testing.TB
	state *State
	at    int64
	batch uint64
}

func newCrowd(tb testing.TB) *crowd {
	s := NewState(Policy{Window: window.Policy{Quiet: time.Second, MaxWait: time.Minute}}, []byte("salt"))
	s.roster.Select([]string{"everybody"})
	return &crowd{tb: tb, state: s, at: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano()}
}

func (c *crowd) apply(r ledger.Record) {
	c.tb.Helper()
	if err := c.state.Apply(ledger.AppendRecord(ledger.NewEntry(nil), r)); err != nil {
		c.tb.Fatal(err)
	}
}

// entryRows is how many rows go into one entry.
const entryRows = 1000

// fold commits one event of each of n profiles.
func (c *crowd) fold(n int, entered bool) {
	c.tb.Helper()
	fields := contact.AppendField(nil, 1, contact.Text, []byte("Ada"))
	for first := 0; first < n; first += entryRows {
		var rows []byte
		var before ledger.Row
		for i := first; i < min(first+entryRows, n); i++ {
			row := ledger.Row{
				Kind: ledger.RowMembership, Entered: entered, Carries: entered, Sequence: c.state.meta.Cursor + uint64(i-first) + 1,
				Time: c.at / 1e6, Profile: fmt.Appendf(nil, "5f0c2a9e-77aa-4b1c-9d5e-%012d", i),
			}
			if entered {
				row.Email, row.Fields = fmt.Appendf(nil, "person.%07d@example.com", i), fields
			}
			rows = ledger.AppendRow(rows, &before, &row)
			before = row
		}
		c.apply(&ledger.Commit{At: c.at, Cursor: c.state.meta.Cursor + entryRows, Time: c.at, Events: entryRows, Rows: rows})
	}
}

// send brings an operation on the first n contacts to its end.
func (c *crowd) send(op contact.Operation, n int) {
	c.tb.Helper()
	for first := 0; first < n; first += entryRows {
		c.batch++
		intent := &ledger.Intent{Batch: c.batch, Operation: op, At: c.at}
		for h := first; h < min(first+entryRows, n); h++ {
			intent.Handles = append(intent.Handles, contact.Handle(h+1))
		}
		c.apply(intent)
		c.apply(&ledger.Settled{Batch: c.batch, At: c.at, All: ledger.Applied})
	}
}

func (c *crowd) wait(n int) {
	c.tb.Helper()
	for first := 0; first < n; first += entryRows {
		w := &ledger.Wait{}
		for h := first; h < min(first+entryRows, n); h++ {
			w.Handles = append(w.Handles, contact.Handle(h+1))
		}
		c.apply(w)
	}
}

// situations are what a profile may come to.
var situations = []struct {
	name  string
	bring func(c *crowd, n int)
	are   func(st Stats) int
}{
	{"listed", func(c *crowd, n int) { c.fold(n, true); c.send(contact.Upsert, n) }, func(st Stats) int { return st.Listed }},
	{"waiting", func(c *crowd, n int) { c.fold(n, true); c.wait(n) }, func(st Stats) int { return st.Waiting }},
	{"departed", func(c *crowd, n int) {
		c.fold(n, true)
		c.send(contact.Upsert, n)
		c.fold(n, false)
		c.send(contact.Remove, n)
	}, func(st Stats) int { return st.Profiles - st.Listed - st.Waiting }},
}

// heapOf loads a snapshot of n profiles in a situation, as a starting replica does, and returns the bytes of heap that each takes.
func heapOf(tb testing.TB, n int, bring func(*crowd, int), are func(Stats) int) float64 {
	tb.Helper()
	c := newCrowd(tb)
	bring(c, n)
	if got := are(c.state.Stats()); got != n {
		tb.Fatalf("%d profiles are as asked, want %d", got, n)
	}
	var snapshot bytes.Buffer
	if err := c.state.Write(&snapshot); err != nil {
		tb.Fatal(err)
	}
	c.state = nil
	before := heap()
	loaded := NewState(Policy{}, []byte("salt"))
	if err := loaded.Read(bytes.NewReader(snapshot.Bytes())); err != nil {
		tb.Fatal(err)
	}
	after := heap()
	runtime.KeepAlive(loaded)
	runtime.KeepAlive(&snapshot)
	return float64(after-min(before, after)) / float64(n)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// I11: memory is bounded by the profiles that the ledger keeps; a listed one takes at most 400 bytes.
func TestAListedContactTakesAtMost400BytesOnceLoaded(t *testing.T) {
	listed := situations[0]
	if got := heapOf(t, 50_000, listed.bring, listed.are); got > 400 {
		t.Errorf("a listed contact takes %.0f bytes", got)
	}
}

// What a profile takes in each situation.
func BenchmarkMemoryPerProfile(b *testing.B) {
	for _, s := range situations {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(heapOf(b, 200_000, s.bring, s.are), "bytes/profile")
			}
		})
	}
}

// I13: what loading a million listed contacts takes, without the broker.
func BenchmarkLoadSnapshot(b *testing.B) {
	const n = 1_000_000
	c := newCrowd(b)
	c.fold(n, true)
	c.send(contact.Upsert, n)
	var snapshot bytes.Buffer
	if err := c.state.Write(&snapshot); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := NewState(Policy{}, []byte("salt")).Read(bytes.NewReader(snapshot.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(snapshot.Len())/n, "bytes/contact")
}

// The fold of journal entries: what living and loading both do with each event.
func BenchmarkApplyRows(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		newCrowd(b).fold(n, true)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}
