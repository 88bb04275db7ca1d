package publish

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
)

// flaky is a broker that loses requests and answers, and stores some only after it was given up for lost. It knows the ids that it
// stored, as a broker does, and refuses a batch with one of them.
type flaky struct {
	batches bool
	trouble float64

	mu     sync.Mutex
	random *rand.Rand
	log    []string // message ids, by sequence
	bodies []string
	seen   map[string]uint64
	claim  string // an id that it says it knew before, once
	fail   error  // of every try
	late   sync.WaitGroup
}

func newFlaky(seed uint64, batches bool, trouble float64) *flaky {
	return &flaky{batches: batches, trouble: trouble, random: rand.New(rand.NewPCG(seed, 1)), seen: map[string]uint64{}}
}

func (f *flaky) store(msgs []*nats.Msg) receipt {
	for _, m := range msgs {
		if at, known := f.seen[m.Header[msgIDHeader][0]]; known {
			if f.batches {
				at = 0
			}
			return receipt{last: at, duplicate: true}
		}
	}
	for _, m := range msgs {
		f.log = append(f.log, m.Header[msgIDHeader][0])
		f.bodies = append(f.bodies, string(m.Data))
		f.seen[m.Header[msgIDHeader][0]] = uint64(len(f.log))
	}
	return receipt{last: uint64(len(f.log))}
}

// one is a try of a single message: the broker tells the sequence of one that it knows.
func (f *flaky) one(ctx context.Context, m *nats.Msg) (awaiting, error) {
	f.mu.Lock()
	at, known := f.seen[m.Header[msgIDHeader][0]]
	f.mu.Unlock()
	if known {
		return told(receipt{last: at, duplicate: true}, nil), nil
	}
	return f.send(ctx, []*nats.Msg{m})
}

func (f *flaky) send(_ context.Context, msgs []*nats.Msg) (awaiting, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	if f.claim == "*" {
		f.claim = ""
		return told(receipt{last: 7, duplicate: true}, nil), nil
	}
	if f.random.Float64() >= f.trouble {
		return told(f.store(msgs), nil), nil
	}
	switch f.random.IntN(4) {
	case 0: // the request is lost
	case 1: // the answer is lost
		f.store(msgs)
	case 2: // it arrives after the sender gave up
		kept := append([]*nats.Msg(nil), msgs...)
		f.late.Go(func() {
			time.Sleep(singleTimeout + time.Duration(1+len(kept))*time.Millisecond)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.store(kept)
		})
	default:
		return nil, errNotSent
	}
	return func(ctx context.Context) (receipt, error) {
		select {
		case <-time.After(singleTimeout):
			return receipt{}, jetstream.ErrAsyncPublishTimeout
		case <-ctx.Done():
			return receipt{}, ctx.Err()
		}
	}, nil
}

func told(r receipt, err error) awaiting {
	return func(context.Context) (receipt, error) { return r, err }
}

func (f *flaky) last(context.Context) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.log)), nil
}

// Whatever gets lost on the way, each row is stored once, and those of a profile in their order.
func TestOrderAndNumberHoldWhenRequestsAndAnswersGetLost(t *testing.T) {
	for _, size := range []int{1, 8, 25} {
		for seed := range uint64(12) {
			synctest.Test(t, func(t *testing.T) { publishThroughTrouble(t, seed, size) })
		}
	}
}

func publishThroughTrouble(t *testing.T, seed uint64, size int) {
	const profiles, rows = 17, 600
	f := newFlaky(seed, size > 1, 0.3)
	p := started(t, Options{Source: "/t"}, f, size)
	order := rand.New(rand.NewPCG(seed, 2))
	want := map[string]int{}
	for range rows {
		profile := fmt.Sprintf("p%d", order.IntN(profiles))
		if err := p.Publish(t.Context(), row(fmt.Sprintf("s%d", order.IntN(3)), profile, want[profile])); err != nil {
			t.Fatal(err)
		}
		want[profile]++
	}
	sum := flushed(t, p)
	p.Close()
	f.late.Wait()
	if sum.Rows != rows || sum.Acked != rows || sum.Retries == 0 || sum.First != 1 {
		t.Errorf("seed %d, units of %d: %+v", seed, size, sum)
	}
	if size > 1 && sum.Duplicates == 0 {
		t.Errorf("seed %d, units of %d: no lost answer was recognised", seed, size)
	}
	got := map[string]int{}
	for i, body := range f.bodies {
		profile, n := numberOf(t, body)
		if n != got[profile] {
			t.Fatalf("seed %d, units of %d: sequence %d is number %d of %s, want %d", seed, size, i+1, n, profile, got[profile])
		}
		got[profile]++
	}
	for profile, n := range want {
		if got[profile] != n {
			t.Errorf("seed %d, units of %d: %s is there %d times, want %d", seed, size, profile, got[profile], n)
		}
	}
}

func TestADuplicateOnAFirstTryIsPublishedUnderANewID(t *testing.T) {
	for _, size := range []int{1, 10} {
		f := newFlaky(1, size > 1, 0)
		f.claim = "*"
		p := started(t, Options{}, f, size)
		defer p.Close()
		for n := range 3 {
			if err := p.Publish(t.Context(), row("s", fmt.Sprint(n), n)); err != nil {
				t.Fatal(err)
			}
		}
		sum := flushed(t, p) // H30: without this the row stays below first_sequence, and a refresh removes a member
		if len(f.log) != 3 || sum.Acked != 3 || sum.Renewed == 0 || sum.Duplicates != 0 || sum.First != 1 {
			t.Errorf("units of %d: %d stored, %+v", size, len(f.log), sum)
		}
		for i, body := range f.bodies {
			if id := field(t, body, "id"); "/rollcall/publisher#"+id != f.log[i] {
				t.Errorf("units of %d: the id is %s, the message id %s", size, id, f.log[i])
			}
		}
	}
}

func TestAPublicationEndsWhereNoTryCanHelp(t *testing.T) {
	f := newFlaky(1, true, 0)
	f.fail = &permanentError{errors.New("no such stream")}
	p := started(t, Options{}, f, 2)
	defer p.Close()
	var err error
	for n := range 1000 {
		if err = p.Publish(t.Context(), row("s", fmt.Sprint(n), n)); err != nil {
			break
		}
	}
	if !errors.Is(err, f.fail) {
		t.Errorf("publishing went on: %v", err)
	}
	if sum, err := p.Flush(t.Context()); !errors.Is(err, f.fail) || sum.Acked != 0 {
		t.Errorf("flush: %+v, %v", sum, err)
	}
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(1, true, 0)
		f.fail = errNotSent
		p := started(t, Options{Patience: 20 * time.Second}, f, 2)
		defer p.Close()
		begun := time.Now()
		if err := p.Publish(t.Context(), row("s", "p", 0)); err != nil {
			t.Fatal(err)
		}
		_, err := p.Flush(t.Context())
		if took := time.Since(begun); !errors.Is(err, errNotSent) || took < 20*time.Second || took > 23*time.Second {
			t.Errorf("gave up after %s with %v", took, err)
		}
	})
}

func TestASlowInputIsPublishedWithoutAFullBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(1, true, 0)
		p := started(t, Options{}, f, 1000)
		defer p.Close()
		for n := range 3 {
			if err := p.Publish(t.Context(), row("s", "p", n)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if last, _ := f.last(t.Context()); last != uint64(n+1) {
				t.Errorf("after %d rows and a second, %d are stored", n+1, last)
			}
		}
	})
}

func TestABadRowIsRefusedAndTheOthersGoOn(t *testing.T) {
	f := newFlaky(1, true, 0)
	p := started(t, Options{}, f, 10)
	defer p.Close()
	big := row("s", "p", 0)
	big.Attributes = fmt.Appendf(nil, `{"x":"%070000d"}`, 0)
	bare := row("s", "p", 0)
	bare.Attributes = nil
	for name, bad := range map[string]Row{
		"segment": row("no segment", "p", 0), "profile": row("s", "", 0), "control": row("s", "a\nb", 0), "size": big, "no attributes": bare,
		"no change":   {Segment: "s", Profile: "p", Attributes: []byte("{}")},
		"no object":   {Segment: "s", Profile: "p", Change: 1, Attributes: []byte("[]")},
		"broken JSON": {Segment: "s", Profile: "p", Change: 1, Attributes: []byte(`{"a":`)},
	} {
		var refused *RowError
		if err := p.Publish(t.Context(), bad); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Publish(t.Context(), row("s", "good", 0)); err != nil {
		t.Error(err)
	}
	if sum := flushed(t, p); sum.Acked != 1 {
		t.Errorf("%+v", sum)
	}
}

func TestALongSourceIsHashedInTheMessageID(t *testing.T) {
	f := newFlaky(1, false, 0)
	source := "/" + fmt.Sprintf("%0300d", 1)
	p := started(t, Options{Source: source}, f, 1)
	defer p.Close()
	if err := p.Publish(t.Context(), row("s", "p", 0)); err != nil {
		t.Fatal(err)
	}
	flushed(t, p)
	if len(f.log[0]) != 64 || field(t, f.bodies[0], "source") != source {
		t.Errorf("message id %q of %d bytes", f.log[0], len(f.log[0]))
	}
	if _, err := (Options{Source: "a b"}).defaults(); err == nil {
		t.Error("a source with a space is accepted")
	}
}

// started is a publisher over a carrier of the test's, of units of a size.
func started(t *testing.T, o Options, c carrier, size int) *Publisher {
	t.Helper()
	o.Window = 4 * size
	o, err := o.defaults()
	if err != nil {
		t.Fatal(err)
	}
	return start(t.Context(), o, c, broker.StreamState{Keyed: true, AllowAtomic: size > 1})
}
