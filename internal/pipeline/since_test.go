package pipeline

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
	"rollcall/internal/wire"
)

// story asks a running destination for one contact.
func (w *world) story(d *Destination, email string) state.ContactStory {
	w.t.Helper()
	var c state.ContactStory
	if err := d.Ask(w.t.Context(), func(s *state.State) {
		if st, ok := s.Explain(email); ok {
			c = st.Contacts[0]
		}
	}); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Since when a contact is listed is told, survives a snapshot, is not moved by an update, and ends when it leaves.
func TestSinceWhenAContactIsListedIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		if c := w.story(d, "ada1@example.com"); c.Since != nil {
			t.Errorf("before it is listed: since %v", c.Since)
		}
		time.Sleep(3 * time.Minute)
		since := w.story(d, "ada1@example.com").Since
		if since == nil || time.Since(*since) > 3*time.Minute || time.Since(*since) < time.Minute {
			t.Fatalf("listed since %v", since)
		}
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","first_name":"Augusta"}`)
		time.Sleep(3 * time.Minute)
		if c := w.story(d, "ada1@example.com"); c.Since == nil || !c.Since.Equal(*since) {
			t.Errorf("after an update since %v, before %v", c.Since, since)
		}
		var snapshot bytes.Buffer
		if err := d.Ask(t.Context(), func(s *state.State) { _ = s.Write(&snapshot) }); err != nil {
			t.Fatal(err)
		}
		loaded := state.NewState(state.Policy{}, nil)
		if err := loaded.Read(&snapshot); err != nil {
			t.Fatal(err)
		}
		if st, _ := loaded.Explain("ada1@example.com"); st.Contacts[0].Since == nil || !st.Contacts[0].Since.Equal(*since) {
			t.Errorf("from a snapshot: %+v", st.Contacts[0])
		}
		w.publish("a", "p1", "exited", "")
		time.Sleep(3 * time.Minute)
		if c := w.story(d, "ada1@example.com"); c.Since != nil || c.Listed {
			t.Errorf("after it left: %+v", c)
		}
		mustStop(t, stop)
	})
}

// A snapshot of an earlier build says nothing of it, and loads.
func TestASnapshotWithoutTheTimesOfListingLoads(t *testing.T) {
	c := newCrowd(t)
	listed := situations[0]
	listed.bring(c, 3)
	var whole, earlier bytes.Buffer
	if err := c.state.Write(&whole); err != nil {
		t.Fatal(err)
	}
	if err := wire.Sections(&whole, func(name string, body []byte) error {
		if name == "since" {
			return nil
		}
		return wire.Section(&earlier, name, body)
	}); err != nil {
		t.Fatal(err)
	}
	loaded := state.NewState(state.Policy{}, nil)
	if err := loaded.Read(&earlier); err != nil || listed.are(loaded.Stats()) != 3 {
		t.Fatalf("%v, %+v", err, loaded.Stats())
	}
	if st, _ := loaded.Explain(fmt.Sprintf("person.%07d@example.com", 1)); st.Contacts[0].Since != nil || !st.Contacts[0].Listed {
		t.Errorf("%+v", st.Contacts[0])
	}
}

// Who put a contact on the list is told for as long as it is there, also after an update of ours.
func TestAnAdoptedContactThatIsUpdatedWasStillPutThereByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mu.Lock()
		w.contacts["ada1@example.com"] = &fakeContact{id: "c", onList: true, fields: map[string]string{}}
		w.mu.Unlock()
		d, stop := w.run(w.options())
		time.Sleep(time.Second)
		var rec *record.Stand
		if err := d.Ask(t.Context(), func(s *state.State) {
			rec, _, _ = s.Findings(state.Findings{Listed: [][]byte{[]byte("ada1@example.com")}, Adopt: true}, time.Now())
		}); err != nil {
			t.Fatal(err)
		}
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(time.Second)
		if err := d.Do(t.Context(), record.Command{Name: "adopt"}, rec); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if c := w.story(d, "ada1@example.com"); c.PutBy != "adopted" || c.Since == nil || c.Added == nil {
			t.Errorf("%+v", c)
		}
		w.publish("a", "p1", "exited", "")
		time.Sleep(3 * time.Minute)
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(3 * time.Minute)
		if c := w.story(d, "ada1@example.com"); c.PutBy != "rollcall" || !c.Listed {
			t.Errorf("listed anew: %+v", c)
		}
		mustStop(t, stop)
	})
}
