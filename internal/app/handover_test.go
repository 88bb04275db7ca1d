package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A graceful stop hands over in well under a second, also with requests under way that SendGrid does not answer: the lease
// passes on once the journal is left, and what was under way is in doubt for the successor. In the end every list is right.
func TestAGracefulHandOverDoesNotWaitForSendGrid(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	var slow atomic.Bool
	var under atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/contacts") && slow.Load() {
			under.Add(1)
			defer under.Add(-1)
			select {
			case <-r.Context().Done(): // given up
				return
			case <-time.After(4 * time.Second):
			}
		}
		g.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	cfg := g.file(func(s string) string {
		return strings.Replace(s, "request_timeout: 5s", "request_timeout: 2s, horizon: 1m", 1)
	}, "d0")
	active := g.start("r0", cfg)
	eventually(t, "the first is active", func() bool { return active.active() == 1 })
	var idle, busy []time.Duration
	const rounds = 4
	for n := range 2 * rounds {
		next := g.start(fmt.Sprintf("r%d", n+1), cfg)
		eventually(t, "nothing is under way", func() bool {
			st, _ := active.Stats("d0")
			return under.Load() == 0 && st.Window+st.OnTheWay+st.InDoubt == 0
		})
		eventually(t, "each sees the other", func() bool { return active.runners[0].successor() && next.runners[0].successor() })
		times := &idle
		if n%2 == 1 {
			times = &busy
			slow.Store(true)
			g.enter(fmt.Sprintf("p%d", n))
			eventually(t, "a request is under way", func() bool { return under.Load() > 0 })
		}
		before, ended := active, make(chan struct{})
		began := time.Now()
		go func() { defer close(ended); before.stop(t) }()
		eventually(t, "the other is active", func() bool { return next.active() == 1 })
		*times = append(*times, time.Since(began))
		slow.Store(false)
		<-ended
		active = next
	}
	for what, times := range map[string][]time.Duration{"idle": idle, "with a request that is not answered": busy} {
		slices.Sort(times)
		t.Logf("handed over %s: median %s, worst %s of %d", what, times[len(times)/2].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond), len(times))
		if median := times[len(times)/2]; median > 2*time.Second { // far less where the machine is not busy
			t.Errorf("handed over %s: the median is %s", what, median)
		}
	}
	eventually(t, "the list has everybody", func() bool { return g.listed("d0") == rounds })
}
