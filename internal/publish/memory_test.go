package publish

import (
	"context"
	"runtime"
	"testing"

	"github.com/nats-io/nats.go"
)

// heap watches how much memory is in use, beyond what was at its start.
type heap struct{ base uint64 }

func newHeap() heap { return heap{inUse()} }

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (h heap) look(t *testing.T) {
	t.Helper()
	const most = 24 << 20
	if used := inUse(); used > h.base+most {
		t.Fatalf("%d MiB more than at the start", (used-h.base)>>20)
	}
}

// void is a broker that stores everything nowhere.
type void struct{ sequence uint64 }

func (v *void) send(_ context.Context, msgs []*nats.Msg) (awaiting, error) {
	v.sequence += uint64(len(msgs))
	return told(receipt{last: v.sequence}, nil), nil
}

func (v *void) last(context.Context) (uint64, error) { return v.sequence, nil }

func (v *void) one(ctx context.Context, m *nats.Msg) (awaiting, error) {
	return v.send(ctx, []*nats.Msg{m})
}

func TestPublishingAMillionRowsTakesConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	p := started(t, Options{}, &void{}, maxBatch)
	defer p.Close()
	heap := newHeap()
	n := 0
	err := Population{Profiles: many * 6 / 10, Churn: 0.25}.Rows(func(r Row) error {
		if n++; n%(many/5) == 0 {
			heap.look(t)
		}
		return p.Publish(t.Context(), r)
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum := flushed(t, p); sum.Acked != uint64(n) || n < many {
		t.Errorf("%d rows, %+v", n, sum)
	}
}
