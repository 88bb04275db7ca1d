//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ledger/record"
)

// journal is the destination's ledger as the broker holds it, followed from outside: who wrote which entry, and when. It says
// what really happened: a take-over is a claim, whatever a replica says of itself.
type journal struct {
	mu      sync.Mutex
	entries []entry
	drawn   []drawn
	done    sync.WaitGroup
}

type entry struct {
	sequence, previous uint64
	at                 time.Time // the broker's
	writer             string    // of the process: an entry's id begins with a prefix that a process draws once
	claim              *record.Claim
	cursor             uint64 // 0 where it commits no events
}

// drawn is the last event that the durable consumer had handed out at a time.
type drawn struct {
	at       time.Time
	sequence uint64
}

// follow reads entries as they come, and what the consumer has handed out, until the test ends.
func (w *world) follow() *journal {
	ctx, cancel := context.WithCancel(context.Background())
	j := &journal{}
	nc, js := w.connect()
	w.t.Cleanup(func() { cancel(); j.done.Wait(); nc.Close() })
	j.done.Go(func() { j.read(ctx, js) })
	j.done.Go(func() { j.watch(ctx, js) })
	return j
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (j *journal) read(ctx context.Context, js jetstream.JetStream) {
	next := uint64(1)
	for ctx.Err() == nil {
		raw, err := getEntry(ctx, js, next)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				_ = js.Conn().ForceReconnect() // as publishers do
			}
			rest(ctx, 30*time.Millisecond)
			continue
		}
		e := entry{sequence: raw.Sequence, at: raw.Time, writer: fmt.Sprintf("%.12s", raw.Header.Get("Rollcall-Entry"))}
		e.previous, _ = strconv.ParseUint(raw.Header.Get("Rollcall-Previous"), 10, 64)
		if raw.Header.Get("Rollcall-Pointer") == "" {
			_ = record.Records(raw.Data, func(r record.Record) error { // what this build can't read is for other tests
				switch r := r.(type) {
				case *record.Claim:
					e.claim = r
				case *record.Commit:
					e.cursor = r.Cursor
				}
				return nil
			})
		}
		j.mu.Lock()
		j.entries = append(j.entries, e)
		j.mu.Unlock()
		next = raw.Sequence + 1
	}
}

func getEntry(ctx context.Context, js jetstream.JetStream, from uint64) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, "ROLLCALL_LEDGER")
	if err != nil {
		return nil, err
	}
	return stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject("rollcall.ledger."+destination))
}

func (j *journal) watch(ctx context.Context, js jetstream.JetStream) {
	for ctx.Err() == nil {
		if info, err := consumerInfo(ctx, js); err == nil {
			j.mu.Lock()
			j.drawn = append(j.drawn, drawn{time.Now(), info.Delivered.Stream})
			j.mu.Unlock()
		}
		rest(ctx, 100*time.Millisecond)
	}
}

func consumerInfo(ctx context.Context, js jetstream.JetStream) (*jetstream.ConsumerInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	consumer, err := js.Consumer(ctx, "SEGMENT_EVENTS", "rollcall-"+destination)
	if err != nil {
		return nil, err
	}
	return consumer.CachedInfo(), nil
}

func (j *journal) all() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clip(j.entries)
}

// since are the claims after a time, each with the cursor that it went on from.
func (j *journal) since(t time.Time) (claims []entry) {
	cursor := uint64(0)
	for _, e := range j.all() {
		if e.claim != nil && e.at.After(t) {
			e.cursor = cursor
			claims = append(claims, e)
		}
		cursor = max(cursor, e.cursor)
	}
	return claims
}

// covers is when a commit after a time covered an event.
func (j *journal) covers(t time.Time, sequence uint64) (time.Time, bool) {
	entries := j.all()
	first := sort.Search(len(entries), func(i int) bool { return entries[i].at.After(t) })
	for _, e := range entries[first:] {
		if e.cursor >= sequence {
			return e.at, true
		}
	}
	return time.Time{}, false
}

// cursorAt is up to where events were taken over at a time.
func (j *journal) cursorAt(t time.Time) (cursor uint64) {
	entries := j.all()
	before := sort.Search(len(entries), func(i int) bool { return entries[i].at.After(t) })
	for _, e := range slices.Backward(entries[:before]) {
		if e.cursor > 0 {
			return e.cursor
		}
	}
	return 0
}

// again is how many of the sequences were handed out before a claim and not committed by then, so that they came again.
func (j *journal) again(claims []entry, sequences []uint64) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range claims {
		last := uint64(0)
		for _, d := range j.drawn {
			if d.at.Before(c.at) {
				last = d.sequence
			}
		}
		for _, s := range sequences {
			if s > c.cursor && s <= last {
				n++
			}
		}
	}
	return n
}

// fence checks that the ledger is one chain, each entry behind the one before, and that each was written by the process
// that had claimed last: an older owner, however it comes back, commits nothing (I2). It gives the entries of each epoch.
func (j *journal) fence() (byEpoch map[uint64]int, err error) {
	byEpoch = map[uint64]int{}
	owner, epoch, previous := "", uint64(0), uint64(0)
	for _, e := range j.all() {
		if e.previous != previous {
			return nil, fmt.Errorf("entry %d follows %d, and names %d", e.sequence, previous, e.previous)
		}
		previous = e.sequence
		switch {
		case e.claim != nil && e.claim.Epoch != epoch+1:
			return nil, fmt.Errorf("epoch %d follows epoch %d", e.claim.Epoch, epoch)
		case e.claim != nil:
			owner, epoch = e.writer, e.claim.Epoch
		case e.writer != owner:
			return nil, fmt.Errorf("entry %d of epoch %d was written by another than its owner", e.sequence, epoch)
		}
		byEpoch[epoch]++
	}
	if len(byEpoch) == 0 {
		return nil, errors.New("the ledger is empty")
	}
	return byEpoch, nil
}
