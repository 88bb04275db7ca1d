package app

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/telemetry"
)

// broken is the way to SendGrid, that ends in nothing while it is cut.
type broken struct {
	way http.Transport
	cut atomic.Bool
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.cut.Load() {
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
	}
	return b.way.RoundTrip(r)
}

func TestSendGridAwayIsNoGreenRunning(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	way := &broken{way: http.Transport{DisableKeepAlives: true}}
	g.transport = way
	a := g.run()
	if since := a.metric(t, "rollcall_sendgrid_failing_since_seconds", "account", "acme"); since != 0 {
		t.Errorf("SendGrid fails for %v s before it does", since)
	}
	way.cut.Store(true)
	g.enter("late")
	page := a.says(t, "SendGrid takes nothing", "d0", func(s control.StatusAnswer) bool {
		return s.Failing != "" && a.metric(t, "rollcall_sendgrid_failing_since_seconds", "account", "acme") > 0
	})
	shows(t, page, `class="failing"`, "SendGrid takes nothing since")
	way.cut.Store(false)
	a.says(t, "it takes contacts again", "d0", func(s control.StatusAnswer) bool {
		return s.Failing == "" && a.metric(t, "rollcall_sendgrid_failing_since_seconds", "account", "acme") == 0
	})
}

func TestSendGridAwayAtTheStartIsToldAsWell(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	way := &broken{way: http.Transport{DisableKeepAlives: true}}
	way.cut.Store(true)
	g.transport = way
	g.enter("early")
	a := g.start("a", g.file(nil, "d0"))
	a.says(t, "SendGrid takes nothing", "d0", func(s control.StatusAnswer) bool {
		return s.Failing != "" && a.metric(t, "rollcall_sendgrid_failing_since_seconds", "account", "acme") > 0
	})
	way.cut.Store(false)
	a.says(t, "who waited is listed", "d0", func(s control.StatusAnswer) bool { return s.Failing == "" && s.Listed == 1 })
}

func TestAnOrphansFiguresAreThoseOfItsLedger(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0", "d1")
	a := g.run()
	a.says(t, "all is applied", "d0", func(s control.StatusAnswer) bool { return s.Listed == 3 && s.Dirty == 0 })
	a.stop(t)
	b := g.start("b", g.file(nil, "d1"))
	page := b.says(t, "the orphan has three contacts", "d0", func(s control.StatusAnswer) bool {
		return s.State == "orphaned" && s.Listed == 3 && s.ListID == g.lists["d0"] &&
			b.metric(t, "rollcall_contacts", "destination", "d0", "state", "listed") == 3
	})
	shows(t, page, "orphaned", "consumer remove d0")
}

func TestFiguresOfASuspendedDestinationAreThoseOfItsLedger(t *testing.T) {
	t.Parallel()
	r := rested(t)
	page := r.says(t, "one contact is listed", "d0", func(s control.StatusAnswer) bool {
		return s.State == "suspended" && s.Reason == "target_changed" && s.Listed == 1 && s.Cursor == 2 &&
			s.DeadLetters["no_email"] == 1 && r.metric(t, "rollcall_contacts", "destination", "d0", "state", "listed") == 1
	})
	shows(t, page, "suspended (target_changed)", "no_email 1")
}

func TestTheLastRefreshIsToldAfterARestart(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	before := time.Now()
	g.refresh(1, 3)
	of := func(r *replica) float64 {
		return r.metric(t, "rollcall_segment_last_refresh_timestamp_seconds", "destination", "d0", "segment", "s")
	}
	eventually(t, "the refresh is told", func() bool { return of(a) >= float64(before.Unix()) })
	told := of(a)
	a.stop(t)
	b := g.start("b", g.file(nil, "d0"))
	eventually(t, "the next replica tells the same", func() bool { return of(b) == told })
}

func TestTheBuildIsTold(t *testing.T) {
	a := New(&config.Config{}, Options{Version: "1.2.3"})
	telemetry.New(a.registry, a.opts.Build)
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "rollcall_build_info" && f.GetName() != "rollcall_config_hash_info" {
			continue
		}
		for _, label := range f.GetMetric()[0].GetLabel() {
			if label.GetValue() == "" {
				t.Errorf("%s: %s is empty", f.GetName(), label.GetName())
			}
		}
	}
}
