package model

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/state"
)

// watch checks what has to hold after every step: at every commit against a state of its own, folded from
// the same entries, and at every request against what is still under way.
type watch struct {
	w     *world
	owner atomic.Pointer[process] // who claimed last

	mu      sync.Mutex
	shadow  *state.State      // everything committed so far
	covers  uint64            // the last entry in it
	cursor  uint64            // committed
	ids     map[string]string // e-mails by the ids that contacts ever had
	open    []*sent           // requests whose end is not known
	most    int               // the highest cap so far; 0 is none
	limited bool              // every replica so far had a cap
	seen    int               // of the list's history, judged
	ours    int               // contacts of ours on the list, truly
	gaveUp  bool              // a contact was refused because of that: it takes a retry
	hushes  map[string]hush   // of contacts that are dirty
	ends    map[uint64]uint64 // of the stream, when a refresh was read
	undone  map[string]undone // contacts whose last upserts' jobs ended and did nothing
	guard   guardWatch
	debt    debt
	foreign map[string]bool // contacts that a restored ledger does not know on the list, whoever put them there; nil before
}

func newWatch(w *world) *watch {
	return &watch{w: w, shadow: state.NewState(policy(w.config, 0), []byte("salt")), limited: true, ends: map[uint64]uint64{}, ids: map[string]string{}, undone: map[string]undone{}, hushes: map[string]hush{}, guard: guardWatch{approved: map[string]bool{}}}
}

// capped notes the cap of a replica that starts.
func (v *watch) capped(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.most = max(v.most, n)
	v.limited = v.limited && n > 0
}

// look is how a contact stood at a commit.
func (v *watch) look() map[string]state.Standing {
	out := map[string]state.Standing{}
	for _, e := range addresses {
		out[e] = v.shadow.Look([]byte(e))
	}
	return out
}

// commit appends an entry and judges what it does to the state.
func (v *watch) commit(p *process, body []byte) (uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	seq, err := p.journal.Append(context.Background(), body)
	if err != nil {
		return 0, err
	}
	var e entryOf
	before := v.look()
	if err := record.Records(body, func(rec record.Record) error {
		e.record(rec)
		v.guarded(rec, before)
		v.w.tell("entry %d: %T %+v", seq, rec, rec)
		switch r := rec.(type) {
		case *record.Commit:
			v.covered(p, r.Cursor)
		case *record.Judge:
			v.judged(r)
		case *record.Claim:
			v.owner.Store(p)
			v.debt = debt{from: v.cursor, end: v.w.stream.last()}
		case *record.Intent:
			v.intended(p, r)
			v.early(r)
			v.owed(r)
		}
		return nil
	}); err != nil {
		v.w.fail("an entry cannot be read: %v", err)
	}
	if err := v.shadow.Apply(body); err != nil {
		v.w.fail("an entry cannot be applied: %v", err)
	}
	v.covers = seq
	after := v.look()
	v.slots(p.config.Cap, before, after)
	v.left(before, after)
	v.hush(e, before, after)
	return seq, nil
}

// intended notes whom a replica may make a request for. Those who are in the state already are known by their
// numbers; an intent names nobody else.
func (v *watch) intended(p *process, r *record.Intent) {
	in := intent{Intent: r, emails: map[string]bool{}}
	for _, h := range r.Handles {
		in.emails[v.shadow.Email(h)] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intents = append(p.intents, in)
}

// covered checks the cursor against what was handed out and set aside (I1).
func (v *watch) covered(p *process, cursor uint64) {
	p.mu.Lock()
	handed := map[uint64]bool{}
	for _, s := range p.handed {
		handed[s] = true
	}
	p.mu.Unlock()
	if cursor > v.cursor && !handed[cursor] {
		v.w.fail("I1: the cursor %d is committed, and no such event was read", cursor)
	}
	for _, e := range v.w.stream.published() {
		if e.Seq > v.cursor && e.Seq <= cursor && handed[e.Seq] && mustBeLettered(e, p.config) && !v.w.lettered(e.Seq) {
			v.w.fail("I1: event %d is committed, and its dead letter is not there", e.Seq)
		}
	}
	v.cursor = max(v.cursor, cursor)
}

// slots checks the cap and the order of who is let in (I5).
func (v *watch) slots(limit int, before, after map[string]state.Standing) {
	held := func(all map[string]state.Standing) (n int) {
		for _, s := range all {
			if s.Listed || s.Slot {
				n++
			}
		}
		return n
	}
	was, is := held(before), held(after)
	if got := v.shadow.Stats().Slots; got != is {
		v.w.fail("I5: the state counts %d slots, its contacts hold %d", got, is)
	}
	if limit > 0 && is > max(limit, was) {
		v.w.fail("I5: %d contacts hold a slot, the cap is %d", is, limit)
	}
	for e, s := range after {
		b := before[e]
		if b.Listed || b.Slot || !s.Slot || limit == 0 {
			continue
		}
		// Who waits with an earlier turn: a free slot is kept for each whose fields are being read. The turns are those of before:
		// events in the same entry are folded after the decision.
		ahead := 0
		for other, o := range after {
			if w := before[other]; w.Place == plan.Waiting && o.Place == plan.Waiting && o.Desired && w.Turn < b.Turn {
				ahead++
			}
		}
		if is+ahead > limit {
			v.w.fail("I5: %s is let in with turn %d, and of %d who wait with an earlier one some have no slot left", e, b.Turn, ahead)
		}
	}
}

// acked checks an acknowledgement against the commits (I1).
func (v *watch) acked(seq uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq > v.cursor {
		v.w.fail("I1: event %d is acknowledged, the committed cursor is %d", seq, v.cursor)
	}
}

// snapshot compares the state that lives with the one folded from the journal (I13).
func (v *watch) snapshot(covers uint64, write func(io.Writer) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if covers != v.covers {
		return // an entry came between
	}
	var live, folded bytes.Buffer
	if err := write(&live); err != nil {
		v.w.fail("write the state: %v", err)
	}
	if err := v.shadow.Write(&folded); err != nil {
		v.w.fail("write the folded state: %v", err)
	}
	if !bytes.Equal(live.Bytes(), folded.Bytes()) {
		v.w.fail("I13: at entry %d the state in memory is not the journal's fold:\n%q\n%q", covers, live.Bytes(), folded.Bytes())
	}
}

// letters checks that each dead letter has a reason in what was published.
func (v *watch) letters(letters []broker.DeadLetter) {
	events := v.w.stream.published()
	for _, l := range letters {
		if l.Sequence == 0 || l.Sequence > uint64(len(events)) {
			v.w.fail("a dead letter names event %d, which is none", l.Sequence)
			continue
		}
		if e := events[l.Sequence-1]; !explained(v.w, e, l.Reason) {
			v.w.fail("event %d is set aside as %s (%s), and nothing is wrong with it", e.Seq, l.Reason, l.Detail)
		}
	}
}

// truth checks what SendGrid's list truly holds: never more than the cap, never without a foreign member
// (I5, I6).
func (v *watch) truth() {
	history := v.w.sim.History(v.w.list)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range history[v.seen:] {
		switch {
		case m.Email == foreigner:
			v.w.fail("I6: a foreign member of the list was touched at %s", m.At.Format(time.TimeOnly))
		case m.Added:
			v.ours++
		default:
			v.ours--
		}
		if v.limited && v.ours > v.most {
			v.w.fail("I5: the list holds %d contacts of ours, the cap is %d", v.ours, v.most)
		}
	}
	v.seen = len(history)
}

func (v *watch) committed() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cursor
}

// retries reports, once, whether a contact was given up that an operator's retry brings back.
func (v *watch) retries() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	gaveUp := v.gaveUp
	v.gaveUp = false
	return gaveUp
}

// erases reports whether an erasure has no proof yet.
func (v *watch) erases() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.shadow.Meta.Erasures, func(e state.Erasure) bool { return e.Stage != record.Proven })
}

// held is how many removals wait for an approval, and how many sweeps are held whole. A hold whose removals have all
// gone ends by itself.
func (v *watch) held() (removals, sweeps int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.shadow.Held()
	return h.Count, len(h.Sweeps)
}
