//go:build unix

package pipeline

import (
	"fmt"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// changes makes entries of so many memberships each, of so many profiles in turn, behind a claim.
type changes struct {
	state    *state.State
	journal  *ledger.Journal
	profiles int
	sequence uint64
}

func newChanges(b *testing.B, c *broker.Conn, profiles int) *changes {
	b.Helper()
	name := fmt.Sprintf("b%d", time.Now().UnixNano()%1_000_000_000)
	j, err := ledger.Open(b.Context(), c.JS, name, ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	o := newWorld(b).options()
	m := &changes{state: state.NewState(o.Policy, o.Salt), journal: j, profiles: profiles}
	if _, err := j.Load(b.Context(), m.state.Read, func(uint64, []byte) error { return nil }); err != nil {
		b.Fatal(err)
	}
	m.commit(b, record.AppendRecord(record.NewEntry(nil), &record.Claim{Epoch: 1, At: time.Now().UnixNano(), Binding: o.Binding, Fields: []string{"first_name", "city"}}))
	return m
}

func (m *changes) commit(b *testing.B, entry []byte) {
	if _, err := m.journal.Append(b.Context(), entry); err != nil {
		b.Fatal(err)
	}
	if err := m.state.Apply(entry); err != nil {
		b.Fatal(err)
	}
}

// entry is one commit of so many events, each with its fields.
func (m *changes) entry(rows int) []byte {
	now := time.Now()
	c := &record.Commit{At: now.UnixNano(), Time: now.UnixNano(), Events: uint64(rows)}
	var last record.Row
	for range rows {
		m.sequence++
		p := int(m.sequence) % m.profiles
		row := record.Row{
			Sequence: m.sequence, Time: now.UnixMilli(), Profile: fmt.Appendf(nil, "profile-%07d", p), Entered: true, Carries: true,
			Email: fmt.Appendf(nil, "someone.%07d@example.com", p), Fields: []byte{4, 3, 'A', 'd', 'a', 6, 6, 'L', 'o', 'n', 'd', 'o', 'n'},
		}
		c.Rows = record.AppendRow(c.Rows, &last, &row)
		last.Sequence, last.Time = row.Sequence, row.Time
	}
	c.Cursor = m.sequence
	return record.AppendRecord(record.NewEntry(nil), c)
}

// nodes runs a benchmark over one broker and over three, each with fsync.
func nodes(b *testing.B, run func(b *testing.B, c *broker.Conn)) {
	b.Run("nodes=1", func(b *testing.B) { run(b, testkit.Broker(b)) })
	b.Run("nodes=3", func(b *testing.B) {
		c := testkit.StartCluster(b).Connect()
		for c.EnsureStreams(b.Context(), broker.TopologyOptions{Replicas: 3}) != nil && b.Context().Err() == nil {
			time.Sleep(200 * time.Millisecond)
		}
		run(b, c)
	})
}

// What a commit costs with fsync, by the number of events in it: entries and rows a second.
func BenchmarkCommit(b *testing.B) {
	nodes(b, func(b *testing.B, c *broker.Conn) {
		for _, rows := range []int{1, 100, 1000, 8000} {
			b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
				m := newChanges(b, c, 200_000)
				entry := m.entry(rows)
				b.ResetTimer()
				for range b.N {
					if _, err := m.journal.Append(b.Context(), entry); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
				b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(float64(len(entry)), "bytes/entry")
			})
		}
	})
}

// What a million changes of 200,000 profiles leave in the ledger, without snapshots and with one.
func BenchmarkTheLedgerAfterAMillionChanges(b *testing.B) {
	c := testkit.Broker(b)
	for range b.N {
		m := newChanges(b, c, 200_000)
		for m.sequence < 1_000_000 {
			m.commit(b, m.entry(1000))
		}
		b.ReportMetric(stored(b, c, broker.LedgerStream), "bytes-without")
		began := time.Now()
		if err := m.journal.Snapshot(b.Context(), m.journal.Tail(), m.state.Write); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/snapshot")
		b.ReportMetric(stored(b, c, broker.LedgerStream)+stored(b, c, "OBJ_"+broker.SnapshotBucket), "bytes-with")
	}
}

func stored(b *testing.B, c *broker.Conn, stream string) float64 {
	b.Helper()
	s, err := c.JS.Stream(b.Context(), stream)
	if err != nil {
		b.Fatal(err)
	}
	return float64(s.CachedInfo().State.Bytes)
}
