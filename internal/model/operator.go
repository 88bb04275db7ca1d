package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/state"
)

// What operators ask for while a story is played. None of it may change where the list ends.

// asks gives the replica that runs something to do, within a few seconds; one that is just being killed takes
// nothing.
func (w *world) asks(do func(context.Context, *pipeline.Destination)) {
	p := w.live()
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	do(ctx, p.dest)
}

// doReplay replays: replay [from=N] [until=N] [segment=S] [profile=P] [force=true].
func doReplay(w *world, o Op) (err error) {
	var r record.Replay
	for _, kv := range o.pairs(0) {
		switch kv[0] {
		case "from":
			r.From, err = strconv.ParseUint(kv[1], 10, 64)
		case "until":
			r.Until, err = strconv.ParseUint(kv[1], 10, 64)
		case "segment":
			r.Segment = kv[1]
		case "profile":
			r.Profile = []byte(kv[1])
		case "force":
			r.Force = true
		}
	}
	w.asks(func(ctx context.Context, d *pipeline.Destination) {
		_, _ = d.Replay(ctx, record.Command{}, r) // refused while another one runs
	})
	return err
}

// doCancel cancels the replay under way.
func doCancel(w *world, _ Op) error {
	w.asks(func(ctx context.Context, d *pipeline.Destination) {
		_, _ = d.CancelReplay(ctx, record.Command{Name: "cancel"}) // there may be none
	})
	return nil
}

// doRetry folds every event that was set aside again.
func doRetry(w *world, _ Op) error {
	var sequences []uint64
	w.mu.Lock()
	for i := range w.letters {
		sequences = append(sequences, w.letters[i].Sequence)
	}
	w.mu.Unlock()
	if len(sequences) > 0 {
		w.asks(func(ctx context.Context, d *pipeline.Destination) {
			_, _ = d.Retry(ctx, record.Command{Name: "retry"}, sequences) // of a replica that may just be killed
		})
	}
	return nil
}

// doGarbage puts an event on the stream that cannot be read, on a membership's subject: it counts as seen there.
func doGarbage(w *world, o Op) error {
	w.stream.publish(Event{Kind: "garbage", Segment: o.arg(0), Profile: o.arg(1)})
	return nil
}

// readers compares what readers are told with the truth, once nothing is under way.
func (w *world) readers() error {
	loaded, err := w.loaded()
	if err != nil {
		return err
	}
	onList := map[string]bool{}
	w.sim.Contacts(w.list, func(c simulator.Contact) { onList[c.Email] = c.Email != foreigner })
	delete(onList, foreigner)
	ours := 0
	loaded.Listed(func(email []byte) {
		ours++
		if !onList[string(email)] {
			err = fmt.Errorf("I7: the ledger lists %s, the list does not", email)
		}
	})
	if err == nil && ours != len(onList) {
		err = fmt.Errorf("I7: the ledger lists %d contacts, the list holds %d", ours, len(onList))
	}
	if err != nil {
		return err
	}
	for _, email := range addresses {
		standing := loaded.Look([]byte(email))
		story, known := loaded.Explain(email)
		if known != (standing != state.Standing{}) && standing.Desired {
			return fmt.Errorf("%s is desired, and explain says nothing: %+v", email, story)
		}
	}
	for _, e := range w.stream.published() {
		if story, known := loaded.Explain(e.Profile); known && len(story.Profiles)+len(story.Contacts) == 0 && story.Erased == 0 {
			return fmt.Errorf("explain knows a profile, and tells nothing of it")
		}
	}
	if err := w.live().sameAs(loaded); err != nil {
		return err
	}
	st := w.live().dest.Stats()
	if st.Dirty() != st.Waiting+st.Held+st.RefusedNow || st.Age(time.Now()) != 0 || time.Since(w.live().dest.Turned()) > time.Minute {
		return fmt.Errorf("nothing is under way, and the numbers say %+v", st)
	}
	turns, waiting := loaded.Waiting(10)
	if len(turns) != waiting || waiting != loaded.Stats().Waiting {
		return fmt.Errorf("%d wait, %d turns are told", waiting, len(turns))
	}
	return w.verified(loaded)
}

// loaded is the state that a reader without a consumer loads from the ledger (I13).
func (w *world) loaded() (*state.State, error) {
	loaded := state.NewState(policy(w.live().config, w.guard), []byte("salt"))
	_, err := w.ledger.Open().Load(context.Background(), loaded.Read, func(_ uint64, body []byte) error { return loaded.Apply(body) })
	if err != nil {
		return nil, fmt.Errorf("load the ledger: %w", err)
	}
	var read, folded bytes.Buffer
	w.watch.mu.Lock()
	defer w.watch.mu.Unlock()
	if err := loaded.Write(&read); err != nil {
		return nil, err
	}
	if err := w.watch.shadow.Write(&folded); err != nil {
		return nil, err
	}
	if !bytes.Equal(read.Bytes(), folded.Bytes()) {
		return nil, fmt.Errorf("I13: what a reader loads is not the journal's fold:\n%q\n%q", read.Bytes(), folded.Bytes())
	}
	return loaded, nil
}

// verified compares the list with the ledger as verify does: it must find nothing wrong, and the foreign member.
func (w *world) verified(loaded *state.State) error {
	p := w.live()
	o := pipeline.Rehearsal{
		Stream: p, Mapping: w.spec(p.config), Batch: pipeline.BatchLimits{MaxContacts: 3, MaxBytes: 3_500_000}, Policy: policy(p.config, w.guard),
		Binding: record.Binding{List: w.list, Stream: "S", Segments: p.config.Segments},
	}
	c, err := pipeline.NewComparison(loaded, o, time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	ctx := context.Background()
	w.sim.Contacts(w.list, func(m simulator.Contact) {
		own := map[string]any{}
		fields := map[string]any{"custom_fields": own}
		for name, value := range m.Fields {
			if w.customs[name] != "" {
				own[name] = value
			} else {
				fields[name] = value
			}
		}
		if err == nil {
			err = c.Member(ctx, m.Email, fields)
		}
	})
	if err == nil {
		err = c.End(ctx, loaded)
	}
	if err != nil {
		return err
	}
	if len(c.Missing)+len(c.Extra) > 0 || c.Foreign != 1 {
		return fmt.Errorf("verify finds missing %v, extra %v, %d foreign", c.Missing, c.Extra, c.Foreign)
	}
	if len(c.Differ) > 0 {
		return fmt.Errorf("verify finds other fields: %s", strings.Join(c.Differ, " "))
	}
	o.Replay = record.Replay{From: 1}
	plan, err := pipeline.Rehearse(ctx, loaded, o)
	if err == nil && plan.Removals > 0 {
		err = fmt.Errorf("a replay of everything would remove %d contacts", plan.Removals)
	}
	return err
}

// sameAs compares what the replica that runs holds in memory with what a reader loads (I13).
func (p *process) sameAs(loaded *state.State) error {
	want, err := loaded.Digest()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var live string
	var commands int
	if asked := p.dest.Ask(ctx, func(s *state.State) {
		live, err = s.Digest()
		commands = len(s.Commands())
		if s.Claim().Epoch == 0 || s.Oldest() < 0 {
			err = errors.New("a replica runs without a claim")
		}
	}); asked != nil || err != nil {
		return errors.Join(asked, err)
	}
	if live != want || commands != len(loaded.Commands()) {
		return fmt.Errorf("I13: the replica's digest is %s, the ledger's %s", live, want)
	}
	return nil
}

// doElsewhere deletes a contact from the account, as an erasure in another of its destinations does, which
// then asks this one to look again: elsewhere EMAIL (H15).
func doElsewhere(w *world, o Op) error {
	address, _ := spelled(o.arg(0))
	email := fmt.Sprint(address)
	id := ""
	w.sim.Contacts("", func(c simulator.Contact) {
		if c.Email == email {
			id = c.ID
		}
	})
	if id == "" || email == strange || w.live() == nil {
		return nil
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodDelete, "http://sendgrid/v3/marketing/contacts?ids="+id, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer SG.simulator")
	res, err := w.sim.RoundTrip(r)
	if err != nil {
		return nil // a fault of the simulator: nothing was deleted
	}
	_ = res.Body.Close()
	w.sleep(2*apply + 100*time.Millisecond)
	for _, asked := range w.both() {
		for range 20 { // until a replica has taken it: the other destination waits for that
			done := false
			asked.asks(func(ctx context.Context, d *pipeline.Destination) { done = d.Recheck(ctx, []string{email}) == nil })
			if done {
				break
			}
			w.sleep(time.Second)
		}
	}
	return nil
}

// doLook asks the replica that runs how everybody stands, whatever is under way.
func doLook(w *world, _ Op) error {
	w.asks(func(ctx context.Context, d *pipeline.Destination) {
		_ = d.Ask(ctx, func(s *state.State) { // one that is just being killed answers nothing
			for _, email := range addresses {
				s.Explain(email)
			}
			for _, e := range w.stream.published() {
				s.Explain(e.Profile)
			}
			turns, waiting := s.Waiting(10)
			if st := s.Stats(); len(turns) != waiting || waiting != st.Waiting || st.Slots < st.Listed {
				w.fail("%d wait, %d turns are told, %d slots of %d listed", st.Waiting, len(turns), st.Slots, st.Listed)
			}
		})
	})
	return nil
}

// observer judges what metrics are told: nothing is applied before it was asked for.
type observer struct{ w *world }

// Applied implements pipeline.Observer.
func (o observer) Applied(op contact.Operation, lag time.Duration) { o.judge(op.String(), lag) }

// Accepted implements pipeline.Observer.
func (o observer) Accepted(op contact.Operation, lag time.Duration) { o.judge(op.String(), lag) }

// Committed implements pipeline.Observer.
func (o observer) Committed(took time.Duration, _ int) { o.judge("commit", took) }

func (o observer) judge(what string, lag time.Duration) {
	if lag < -time.Second {
		o.w.fail("%s is measured as %v", what, lag)
	}
}
