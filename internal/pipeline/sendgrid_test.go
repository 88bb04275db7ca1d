package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
)

// scene is one destination on the simulator, with the package's fakes for broker and journal, in a bubble.
type scene struct {
	*world
	*testing.T
	sim  *simulator.Simulator
	list string
	opts Options
	d    *Destination
	stop func() error
	logs *observer.ObservedLogs
}

func onScene(t *testing.T, o simulator.Options, run func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)))
		s := &scene{world: newWorld(t), T: t, sim: simulator.New(o)}
		s.list = s.sim.AddList("", "Newsletter")
		account, err := sendgrid.New(sendgrid.Options{
			BaseURL: "http://sendgrid.test", Transport: s.sim, Key: func() (string, error) { return "SG.simulator", nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		core, logs := observer.New(zap.InfoLevel)
		s.logs = logs
		s.opts = s.options()
		s.opts.Binding.List, s.opts.Log = s.list, zap.New(core)
		s.opts.Policy.Guard.MaxShare = 1
		s.opts.Sender, s.opts.Finder, s.opts.Prober = account, account, account
		defer func() {
			if s.stop == nil {
				return
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		}()
		run(s)
	})
}

// begin runs the destination.
func (s *scene) begin() { s.d, s.stop = s.run(s.opts) }

// all publishes one event of each e-mail's profile at once: its profile id is the e-mail's local part.
func (s *scene) all(segmentID, change string, emails []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := segment.Entered
	if change == "exited" {
		ch = segment.Exited
	}
	replaced := make(map[string]bool, len(emails))
	events := make([]broker.Message, 0, len(emails))
	for _, e := range emails {
		profile, _, _ := strings.Cut(e, "@")
		var attributes []byte
		if ch == segment.Entered {
			attributes = fmt.Appendf(nil, `{"email":%q,"first_name":"Ada","country":"GB"}`, e)
		}
		s.last++
		m := broker.Message{Subject: segment.MembershipSubject(true, segmentID, profile), Sequence: s.last, Time: time.Now()}
		m.Body = segment.AppendMembership(nil, segment.Envelope{ID: fmt.Sprint(s.last), Source: "/test"}, segmentID, profile, ch, attributes)
		replaced[m.Subject] = true
		events = append(events, m)
	}
	s.events = append(slices.DeleteFunc(s.events, func(m broker.Message) bool { return replaced[m.Subject] }), events...)
	s.wake()
}

// quiet waits until nothing is dirty but what is refused, waiting or held, and returns how long that took.
func (s *scene) quiet(most time.Duration) time.Duration {
	s.Helper()
	begun := time.Now()
	for {
		time.Sleep(5 * time.Second)
		st := s.d.Stats()
		if st.Cursor == s.last && st.Window+st.OnTheWay+st.InDoubt == 0 {
			return time.Since(begun)
		}
		if time.Since(begun) > most {
			s.Fatalf("after %s: %d in a window, %d on the way, %d in doubt, suspended %q", most, st.Window, st.OnTheWay, st.InDoubt, st.Suspended)
		}
	}
}

// members are the e-mails on the list.
func (s *scene) members() map[string]bool {
	on := map[string]bool{}
	s.sim.Contacts(s.list, func(c simulator.Contact) { on[c.Email] = true })
	return on
}

// requests prints and sums what was asked of SendGrid since before.
func (s *scene) spent(before simulator.Summary) (sum int) {
	s.Helper()
	after := s.sim.Summary()
	for _, route := range slices.Sorted(maps.Keys(after.Requests)) {
		if n := after.Requests[route] - before.Requests[route]; n > 0 {
			s.Logf("%6d %s", n, route)
			sum += n
		}
	}
	for answer, n := range after.Answers {
		if strings.HasSuffix(answer, " 429") || strings.HasSuffix(answer, "PUT contacts 5xx") {
			s.Logf("%6d %s", n, answer)
		}
	}
	return sum
}

// limitedRequests are how many requests of the log were refused for their rate.
func (s *scene) limitedRequests() (n int) {
	for _, r := range s.sim.Requests() {
		if r.Status == 429 {
			n++
		}
	}
	return n
}

// logged is how many log lines hold a text.
func (s *scene) logged(text string) (n int) {
	for _, e := range s.logs.All() {
		if strings.Contains(e.Message, text) {
			n++
		}
	}
	return n
}
