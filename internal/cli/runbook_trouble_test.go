package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/sendgrid/simulator"
)

func TestRunbookSendGridIsLeftInPeace(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("SendGrid has to be left in peace")
	s.consume()
	s.enter("Grace")
	s.settled(1)
	p.play("consumer pause newsletter --comment 'maintenance until noon'")
	s.enter("Ada")
	s.until("taken over, and its age told", func() bool {
		a := s.status()
		return a.Window == 1 && a.IntakePending == 0 && a.OldestUnappliedSeconds > 0 && a.AccountContacts != nil
	})
	p.play("consumer status newsletter")
	p.play("consumer explain newsletter ada@example.com")
	p.play("consumer resume newsletter --comment 'maintenance is over'")
	s.settled(2)
}

// H2: hours without SendGrid, and afterwards the last state of each contact is sent, once: not what was true between.
func TestRunbookSendGridWasDownOvernight(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{scale: 7200}) // a night is four seconds
	p := s.situation("SendGrid was down overnight")
	s.consume()
	s.enter("Grace")
	s.settled(1)
	if err := s.sim.SetFaults([]simulator.Fault{{Kind: "status", Status: http.StatusServiceUnavailable}}); err != nil {
		t.Fatal(err)
	}
	evening := s.sim.Summary()
	s.event("high-value", "ada", `{"email":"ada@example.com","first_name":"A."}`)
	s.until("the first try failed", func() bool { return s.status().Failing != "" })
	s.enter("Ada", "Alan")
	s.event("high-value", "alan", "")
	s.event("high-value", "grace", "")
	s.until("a night has gone by", func() bool { return s.sim.Summary().Now.Sub(evening.Now) > 8*time.Hour })
	p.playUntil("consumer status newsletter", `(?s)dirty     2: 1 in a window, 1 in doubt.*SendGrid  takes nothing since`)
	p.play("consumer explain newsletter ada@example.com")
	if err := s.sim.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	p.happens("in the morning SendGrid is back")
	s.until("the list is right", func() bool { return slices.Equal(s.onList(), []string{"ada@example.com"}) })
	s.settled(1)
	p.play("consumer status newsletter")
	p.play("consumer verify newsletter")
	p.play("consumer explain newsletter ada@example.com --live")
	if sent := s.sim.Summary().Upserted - evening.Upserted; sent != 1 {
		t.Errorf("%d contacts were sent after the outage, want the last state of one", sent)
	}
	for _, m := range s.sim.History(s.list) {
		if m.Email == "alan@example.com" {
			t.Error("who came and went in the night was on the list")
		}
	}
}

// The key in its file is rotated: SendGrid takes the old one no more, and the new one before anybody is lost.
func TestRunbookTheKeyWasRotated(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	p := s.situation("The key was rotated")
	var rotated atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		valid := "Bearer SG.old"
		if rotated.Load() {
			valid = "Bearer SG.new"
		}
		if r.Header.Get("Authorization") == valid {
			r.Header.Set("Authorization", "Bearer "+simulatedKey)
		}
		s.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.base = server.URL
	s.write(setting{})
	key := filepath.Join(s.dir, "sendgrid.key")
	write := func(value string) {
		if err := os.WriteFile(key, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("SG.old")
	s.edit(`api_key: "${KEY}"`, "api_key_file: "+key)
	s.consume()
	s.enter("Ada")
	s.settled(1)
	rotated.Store(true)
	s.enter("Grace")
	s.until("suspended", func() bool {
		a := s.status()
		return a.Reason == "key" && a.Cursor == 2 && a.IntakePending == 0 && a.Window == 1
	})
	p.playUntil("consumer status newsletter", `(?s)dirty     1: 1 in a window.*oldest`)
	p.play("consumer explain newsletter grace@example.com")
	write("SG.new")
	p.happens("the new key is written into the file that api_key_file names")
	p.play("consumer resume newsletter --comment 'the key was rotated'")
	s.settled(2)
	p.play("consumer status newsletter")
}
