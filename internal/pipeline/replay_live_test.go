package pipeline

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
	"rollcall/internal/state"
)

func (w *world) order(d *Destination, name string) {
	w.t.Helper()
	if err := d.Do(w.t.Context(), record.Command{Name: name}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) replays(d *Destination, r record.Replay) {
	w.t.Helper()
	if _, err := d.Replay(w.t.Context(), record.Command{}, r); err != nil {
		w.t.Fatal(err)
	}
}

// Issue: elsewhere than on a quiet stream the figures differ only by what is itemised as live changes.
func TestAReplayTellsWhatLiveChangesMadeOfItsPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.history = true
		o := w.options()
		o.Batch.MaxContacts = 10
		d, stop := w.run(o)
		w.lives(40, 3)
		plan := w.rehearseWith(o, record.Replay{Force: true})
		w.publish("a", "p1", "exited", "")        // between the plan and the start
		w.publish("a", "p2", "entered", ada(2))   // also
		w.publish("a", "p41", "entered", ada(41)) // nobody that the plan knew
		time.Sleep(10 * time.Minute)
		w.order(d, "pause")
		w.replays(d, record.Replay{Force: true, Planned: plan.Cursor})
		time.Sleep(time.Second)
		for i := 3; i <= 7; i++ { // contacts that it has touched and not sent yet
			w.publish("a", fmt.Sprintf("p%d", i), "entered", fmt.Sprintf(`{"email":"ada%d@example.com","first_name":"Live"}`, i))
		}
		time.Sleep(time.Second)
		w.order(d, "resume")
		w.untilDone(d)
		out := w.outcome(d)
		want := state.LiveChanges{Since: 3, Overtaken: 6, Contacts: 5} // p1 and p2 have three events each
		if out.Live != want {
			t.Errorf("live changes are told as %+v, want %+v", out.Live, want)
		}
		const gone = 2 // memberships whose latest event of the plan was overtaken before the start
		if out.Events != plan.Events || out.NoOps != plan.NoOps || out.Superseded+out.Live.Overtaken != plan.Superseded+gone ||
			out.Upserts+out.Live.Contacts+gone != plan.Upserts {
			t.Errorf("planned %+v, happened %+v", plan, out)
		}
		time.Sleep(2 * time.Minute)
		if c := w.seen().contacts["ada3@example.com"]; c.fields["first_name"] != "Live" {
			t.Errorf("a newer change is beaten: %v", c.fields) // I3
		}
		mustStop(t, stop)
	})
}

// A cancelled replay stops sending what only it wanted; what live traffic changed goes on, and what it folded is owed.
func TestACancelledReplayStopsSendingWhatOnlyItWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.history = true
		o := w.options()
		o.Batch.MaxContacts = 10
		_, stop := w.run(o)
		w.lives(40, 2)
		mend := w.garble("b", segment.Entered, 41)
		time.Sleep(time.Second)
		mustStop(t, stop)
		mend()
		o.Journal, o.Source = &fakeJournal{world: w}, &fakeSource{world: w}
		d, stop := w.run(o)
		time.Sleep(time.Second)
		w.order(d, "pause")
		w.replays(d, record.Replay{Force: true})
		time.Sleep(time.Second)
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","first_name":"Live"}`)
		time.Sleep(time.Second)
		before := w.seen().requests["upsert"]
		if _, err := d.CancelReplay(t.Context(), record.Command{}); err != nil {
			t.Fatal(err)
		}
		w.order(d, "resume")
		time.Sleep(5 * time.Minute)
		if n := w.seen().requests["upsert"] - before; n != 2 {
			t.Errorf("%d upserts after it was cancelled, want one for the live change and one for who was found", n)
		}
		if c := w.seen().contacts; c["ada1@example.com"].fields["first_name"] != "Live" || c["ada41@example.com"] == nil {
			t.Error("what live traffic changed, or what was folded, is not sent")
		}
		if st := d.Stats(); st.Dirty() != 0 || w.replayState(d).State != state.ReplayCancelled {
			t.Errorf("at its end: %+v", st)
		}
		mustStop(t, stop)
	})
}

// A replay that is cancelled while it sends ends with the requests that are on their way.
func TestAReplayCancelledInTheMiddleOfItsSendingEndsWithWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Batch.MaxContacts = 5
		d, stop := w.run(o)
		w.crowd("a", 200)
		w.replays(d, record.Replay{Force: true})
		time.Sleep(10 * time.Second) // eight requests are on their way: no more at once
		sent := w.seen().requests["upsert"]
		if _, err := d.CancelReplay(t.Context(), record.Command{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if n := w.seen().requests["upsert"]; n != sent {
			t.Errorf("%d upserts were sent after it was cancelled", n-sent)
		}
		if st := d.Stats(); st.Dirty() != 0 || st.Listed != 200 {
			t.Errorf("at its end: %+v", st)
		}
		mustStop(t, stop)
	})
}

// I10: stopped and started again at any moment, a replay does what its plan says.
func TestAReplayThatIsRestartedAtAnyMomentDoesWhatItsPlanSays(t *testing.T) {
	for _, pause := range []time.Duration{3, 40, 150, 350, 900, 5_000, 36_000} {
		t.Run(fmt.Sprint(pause*time.Millisecond), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.history = true
				o := w.options()
				o.Batch.MaxContacts, o.Policy.Horizon = 10, 0
				d, stop := w.run(o)
				w.lives(60, 3)
				exits := w.garble("a", segment.Exited, numbers(51, 60)...)
				time.Sleep(10 * time.Minute)
				exits()
				plan := w.rehearseWith(o, record.Replay{Force: true})
				w.replays(d, record.Replay{Force: true, Planned: plan.Cursor})
				for range 4 {
					time.Sleep(pause * time.Millisecond)
					mustStop(t, stop)
					o.Journal, o.Source = &fakeJournal{world: w}, &fakeSource{world: w}
					d, stop = w.run(o)
				}
				w.untilDone(d)
				out := w.outcome(d)
				requests := out.Requests
				out.Requests = plan.Requests // one that was cut short by a stop goes again
				if plan.figures() != figuresOf(&out) || out.Live != (state.LiveChanges{}) || requests["upsert"] < plan.Requests["upsert"] {
					t.Errorf("planned:  %s\nhappened: %s (%v, %+v)", plan.figures(), figuresOf(&out), requests, out.Live)
				}
				w.wantListed(50)
				mustStop(t, stop)
			})
		})
	}
}

// I11: what a re-reading touched keeps no fields in memory until it is about to be sent.
func TestAReplayKeepsTheFieldsOfWhatItIsAboutToSendAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Batch.MaxContacts = 5
		d, stop := w.run(o)
		w.crowd("a", 300)
		w.replays(d, record.Replay{Force: true})
		most := 0
		for w.replayState(d).State != state.ReplayDone {
			_ = d.Ask(t.Context(), func(s *state.State) {
				n := 0
				for _, h := range s.Dirty.Rows.Handles() {
					if s.Dirty.Rows.Get(h).Fields != 0 {
						n++
					}
				}
				most = max(most, n)
			})
			time.Sleep(20 * time.Millisecond)
		}
		if most == 0 || most > (bulkBatches+1)*5 {
			t.Errorf("the fields of %d contacts were kept at once", most)
		}
		mustStop(t, stop)
	})
}

// What is read again and says what a contact in its window has, leaves it there.
func TestAContactInItsWindowIsNotHeldUpByAReplayThatFindsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.history = true
		o := w.options()
		d, stop := w.run(o)
		w.lives(20, 2)
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","first_name":"Live"}`)
		time.Sleep(time.Second)
		w.replays(d, record.Replay{Force: true})
		time.Sleep(38 * time.Second) // its window, and SendGrid's time
		w.list()
		if c := w.seen().contacts["ada1@example.com"]; c.fields["first_name"] != "Live" {
			t.Errorf("the live change is not applied: %v", c.fields)
		}
		mustStop(t, stop)
	})
}

// Explain tells of a contact that a replay holds back, and status counts it as dirty.
func TestAContactThatAReplayTouchedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		d, stop := w.run(o)
		w.crowd("a", 3)
		w.order(d, "pause")
		w.replays(d, record.Replay{Force: true})
		time.Sleep(time.Second)
		var story state.Story
		if err := d.Ask(t.Context(), func(s *state.State) { story, _ = s.Explain("ada1@example.com") }); err != nil {
			t.Fatal(err)
		}
		if story.Contacts[0].Replay != "due in its turn" {
			t.Errorf("told as %+v", story.Contacts[0])
		}
		mustStop(t, stop)
	})
}
