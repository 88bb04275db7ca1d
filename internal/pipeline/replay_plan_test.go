package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
	"rollcall/internal/state"
)

// lives publishes a history of changes of each of n profiles in segment a: each has another first name.
func (w *world) lives(n, changes int) {
	for change := range changes {
		for i := 1; i <= n; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", fmt.Sprintf(`{"email":"ada%d@example.com","first_name":"Ada %02d"}`, i, change))
		}
	}
	time.Sleep(3 * time.Minute)
}

// garble publishes events that nobody can read, and returns what makes them readable: as when a later release reads
// what the one before set aside.
func (w *world) garble(segmentID string, change segment.Change, numbers ...int) (mend func()) {
	first := w.last + 1
	for _, n := range numbers {
		w.put(segment.MembershipSubject(true, segmentID, fmt.Sprintf("p%d", n)), []byte("{"))
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := range w.events {
			m := &w.events[i]
			if m.Sequence < first || m.Sequence >= first+uint64(len(numbers)) {
				continue
			}
			n := numbers[m.Sequence-first]
			m.Body = segment.AppendMembership(nil, segment.Envelope{ID: fmt.Sprint(m.Sequence), Source: "/test"},
				segmentID, fmt.Sprintf("p%d", n), change, []byte(ada(n)))
		}
	}
}

func numbers(from, to int) (all []int) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// figures are those that a plan and an outcome have in common.
func figures(events, superseded, noOps, bad uint64, upserts, removals, waiting, held int, requests map[string]int) string {
	return fmt.Sprintf("%d events: %d superseded, %d change nothing, %d bad; %d upserts, %d removals, %d waiting, %d held; %d upsert and %d removal requests",
		events, superseded, noOps, bad, upserts, removals, waiting, held, requests["upsert"], requests["remove"])
}

func (p *Plan) figures() string {
	return figures(p.Events, p.Superseded, p.NoOps, p.Bad, p.Upserts, p.Removals, p.Waiting, p.HeldRemovals, p.Requests)
}

func figuresOf(o *state.Outcome) string {
	return figures(o.Events, o.Superseded, o.NoOps, o.Bad, o.Upserts, o.Removals, o.Waiting, o.Held, o.Requests)
}

func (w *world) outcome(d *Destination) state.Outcome {
	w.t.Helper()
	var o state.Outcome
	if err := d.Ask(context.Background(), func(s *state.State) { o = *s.Outcome() }); err != nil {
		w.t.Fatal(err)
	}
	return o
}

// follows replays as planned, waits for the end, and compares the outcome with the plan.
func (w *world) follows(d *Destination, o Options, r record.Replay) (Plan, state.Outcome) {
	w.t.Helper()
	plan := w.rehearseWith(o, r)
	r.Planned = plan.Cursor
	if _, err := d.Replay(w.t.Context(), record.Command{Who: "ada@desk"}, r); err != nil {
		w.t.Fatal(err)
	}
	w.untilDone(d)
	out := w.outcome(d)
	if plan.figures() != figuresOf(&out) {
		w.t.Errorf("planned:  %s\nhappened: %s", plan.figures(), figuresOf(&out))
	}
	if out.Live != (state.LiveChanges{}) {
		w.t.Errorf("live changes on a quiet stream: %+v", out.Live)
	}
	return plan, out
}

func (w *world) untilDone(d *Destination) {
	w.t.Helper()
	for range 2000 {
		if w.replayState(d).State == state.ReplayDone {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("the replay does not end: %+v", w.replayState(d))
}

// Issue: on a quiet stream the plan's figures are what then happens, whatever is replayed.
func TestAReplayOnAQuietStreamDoesWhatItsPlanSays(t *testing.T) {
	for name, c := range map[string]struct {
		replay   record.Replay
		cap      int
		guard    int // removals; zero is the usual
		maxBytes int // of a request; zero is the usual
		want     string
	}{
		"nothing": {
			replay: record.Replay{},
			want:   "620 events: 540 superseded, 60 change nothing, 0 bad; 10 upserts, 10 removals, 0 waiting, 0 held; 1 upsert and 1 removal requests",
		},
		"forced": {
			replay: record.Replay{Force: true},
			want:   "620 events: 540 superseded, 10 change nothing, 0 bad; 60 upserts, 10 removals, 0 waiting, 0 held; 6 upsert and 1 removal requests",
		},
		"forced, by bytes": {
			replay: record.Replay{Force: true}, maxBytes: 500,
			want: "620 events: 540 superseded, 10 change nothing, 0 bad; 60 upserts, 10 removals, 0 waiting, 0 held; 8 upsert and 1 removal requests",
		},
		"at the cap": {
			replay: record.Replay{Force: true}, cap: 62,
			want: "620 events: 540 superseded, 10 change nothing, 0 bad; 60 upserts, 10 removals, 0 waiting, 0 held; 6 upsert and 1 removal requests",
		},
		"removals make room under the cap": {
			replay: record.Replay{Force: true}, cap: 60,
			want: "620 events: 540 superseded, 10 change nothing, 0 bad; 60 upserts, 10 removals, 0 waiting, 0 held; 6 upsert and 1 removal requests",
		},
		"held, so that some wait": {
			replay: record.Replay{}, guard: 4, cap: 63,
			want: "620 events: 540 superseded, 60 change nothing, 0 bad; 7 upserts, 4 removals, 3 waiting, 6 held; 1 upsert and 1 removal requests",
		},
		"from": {
			replay: record.Replay{From: 541, Force: true},
			want:   "80 events: 0 superseded, 10 change nothing, 0 bad; 60 upserts, 10 removals, 0 waiting, 0 held; 6 upsert and 1 removal requests",
		},
		"until": {
			replay: record.Replay{Until: 30, Force: true},
			want:   "300 events: 270 superseded, 0 change nothing, 0 bad; 30 upserts, 0 removals, 0 waiting, 0 held; 3 upsert and 0 removal requests",
		},
		"from and until": {
			replay: record.Replay{From: 21, Until: 50, Force: true},
			want:   "300 events: 270 superseded, 0 change nothing, 0 bad; 30 upserts, 0 removals, 0 waiting, 0 held; 3 upsert and 0 removal requests",
		},
		"segment": {
			replay: record.Replay{Segment: "b", Force: true},
			want:   "10 events: 0 superseded, 0 change nothing, 0 bad; 10 upserts, 0 removals, 0 waiting, 0 held; 1 upsert and 0 removal requests",
		},
		"profile": {
			replay: record.Replay{Profile: []byte("p7"), Force: true},
			want:   "10 events: 9 superseded, 0 change nothing, 0 bad; 1 upserts, 0 removals, 0 waiting, 0 held; 1 upsert and 0 removal requests",
		},
		"profile who left": {
			replay: record.Replay{Profile: []byte("p57"), Force: true},
			want:   "11 events: 9 superseded, 1 change nothing, 0 bad; 0 upserts, 1 removals, 0 waiting, 0 held; 0 upsert and 1 removal requests",
		},
		"all together": {
			replay: record.Replay{Profile: []byte("p7"), From: 5, Until: 100, Segment: "a", Force: true},
			want:   "10 events: 9 superseded, 0 change nothing, 0 bad; 1 upserts, 0 removals, 0 waiting, 0 held; 1 upsert and 0 removal requests",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.history = true
				o := w.options()
				o.Batch.MaxContacts = 10
				if c.maxBytes > 0 {
					o.Batch.MaxBytes = c.maxBytes
				}
				_, stop := w.run(o)
				w.lives(60, 10)
				exits := w.garble("a", segment.Exited, numbers(51, 60)...)
				enters := w.garble("b", segment.Entered, numbers(61, 70)...)
				time.Sleep(10 * time.Minute)
				mustStop(t, stop)
				exits()
				enters()
				o.Policy.Cap = c.cap
				if c.guard > 0 {
					o.Policy.Guard.MinRemovals, o.Policy.Guard.MaxShare = c.guard, 0.01
				}
				o.Journal, o.Source = &fakeJournal{world: w}, &fakeSource{world: w}
				d, stop := w.run(o)
				time.Sleep(time.Second)
				plan, _ := w.follows(d, o, c.replay)
				if diff := cmp.Diff(c.want, plan.figures()); diff != "" {
					t.Errorf("the plan: %s", diff)
				}
				if st := d.Stats(); st.Dirty() != st.Waiting+st.Held {
					t.Errorf("at its end: %+v", st)
				}
				mustStop(t, stop)
				if !slices.ContainsFunc(w.seen().receipts, func(r string) bool { return strings.Contains(r, `"outcome":{"events":`) }) {
					t.Errorf("no receipt tells of it: %s", w.seen().receipts)
				}
			})
		})
	}
}
