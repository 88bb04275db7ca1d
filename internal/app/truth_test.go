package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/internal/broker"
	"rollcall/internal/control"
)

// What the page, its JSON and the metrics say is what `consumer status --json` says, also where the broker or SendGrid is away.

// fetch reads a path of a replica's listener.
func fetch(t *testing.T, address, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// told is what the API says of a destination.
func told(t *testing.T, address, destination string) (control.StatusAnswer, string) {
	t.Helper()
	var answer struct {
		Destinations []control.StatusAnswer
		Trouble      string
	}
	body := fetch(t, address, "/api/v1/destinations")
	if body == "" {
		return control.StatusAnswer{}, ""
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, one := range answer.Destinations {
		if one.Destination == destination {
			return one, answer.Trouble
		}
	}
	return control.StatusAnswer{}, answer.Trouble
}

// says waits until the API says so of a destination, and returns the page as it is then.
func (r *replica) says(t *testing.T, what, destination string, holds func(control.StatusAnswer) bool) string {
	t.Helper()
	var last control.StatusAnswer
	defer func() {
		if t.Failed() {
			t.Logf("the API's last word: %+v", last)
		}
	}()
	eventually(t, what, func() bool { last, _ = told(t, r.HTTPAddr(), destination); return holds(last) })
	return fetch(t, r.HTTPAddr(), "/")
}

func shows(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q:\n%s", text, page[strings.Index(page, "<body>"):])
		}
	}
}

func TestWithTheBrokerAwayThePageShowsWhatWasKnownAndSince(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	a.says(t, "it runs", "d0", func(s control.StatusAnswer) bool { return s.Listed == 3 && s.State == "running" && s.AsOf == nil })
	if up := a.metric(t, "rollcall_broker_connected"); up != 1 {
		t.Errorf("rollcall_broker_connected is %v", up)
	}
	g.offline(func(string) error {
		page := a.says(t, "the figures are of before", "d0", func(s control.StatusAnswer) bool {
			return s.AsOf != nil && s.Listed == 3 && s.State == "running" && strings.Contains(s.Trouble, "broker") && !strings.Contains(s.Next, "start a consumer")
		})
		shows(t, page, "broker", "as of", `class="stale"`, ">3<")
		if _, trouble := told(t, a.HTTPAddr(), "d0"); !strings.Contains(trouble, "broker") {
			t.Errorf("the API's trouble is %q", trouble)
		}
		if up := a.metric(t, "rollcall_broker_connected"); up != 0 {
			t.Errorf("rollcall_broker_connected is %v", up)
		}
		return nil
	})
	page := a.says(t, "all is well again", "d0", func(s control.StatusAnswer) bool { return s.AsOf == nil && s.Trouble == "" && s.Listed == 3 })
	if strings.Contains(page, `class="stale"`) {
		t.Error("the page goes on greying what is of now")
	}
}

func TestAStartWithoutABrokerShowsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	page, nobody := free(), free()
	cfg := g.file(func(text string) string {
		text = strings.Replace(text, "nats: {takeover: 2s}", "nats: {takeover: 2s, url: nats://"+nobody+"}", 1)
		return strings.Replace(text, "127.0.0.1:0", page, 1)
	}, "d0")
	ctx, cancel := context.WithCancel(t.Context())
	registry, ended := prometheus.NewRegistry(), make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, Options{Replica: "a", Registry: registry}) }()
	eventually(t, "the page is there", func() bool { return fetch(t, page, "/livez") != "" })
	one, trouble := told(t, page, "d0")
	if one.State != control.NotKnown || one.ProfileCap != 1000 || !strings.Contains(one.Trouble, "broker") || !strings.Contains(trouble, "broker") {
		t.Errorf("the API says %+v, %q", one, trouble)
	}
	body := fetch(t, page, "/")
	shows(t, body, "d0", "broker", control.NotKnown)
	if strings.Contains(body, "No destination is configured") {
		t.Error("the page says that no destination is configured")
	}
	if up := (&replica{registry: registry}).metric(t, "rollcall_broker_connected"); up != 0 {
		t.Errorf("rollcall_broker_connected is %v", up)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("a start that never came to its end is none")
	}
}

// refresh publishes that the segment was published whole from a sequence on.
func (g *ground) refresh(first, count uint64) {
	g.t.Helper()
	g.say(fmt.Sprintf("segments.refreshed.s.%d", first), "segment.refreshed",
		fmt.Sprintf(`{"segment_id":"s","first_sequence":%d,"count":%d}`, first, count))
}

func TestHeldRemovalsAreToldWhole(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	g.crowd(3, 7, 7)
	g.refresh(8, 0) // of nobody: always held
	page := a.says(t, "seven removals are held", "d0", func(s control.StatusAnswer) bool {
		return s.State == "held" && s.HeldRemovals == 7 && s.HeldDigest != "" && len(s.HeldSweeps) == 1
	})
	shows(t, page, `<td class="number">7</td>`, "consumer approve d0")
	eventually(t, "the metrics say so", func() bool {
		return a.metric(t, "rollcall_held_removals", "destination", "d0") == 7 &&
			a.metric(t, "rollcall_contacts", "destination", "d0", "state", "held") == 7 &&
			a.metric(t, "rollcall_contacts", "destination", "d0", "state", "dirty") == 7
	})
}

func TestDeadLettersAreThoseThatArePresent(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.run()
	g.say("segments.membership.s.nobody", "membership.changed", `{"segment_id":"s","profile_id":"nobody","change":"entered","attributes":{"city":"X"}}`)
	present := func(r *replica, n uint64) {
		t.Helper()
		page := r.says(t, fmt.Sprintf("%d dead letters are present", n), "d0", func(s control.StatusAnswer) bool {
			return s.DeadLetters["no_email"] == n && r.metric(t, "rollcall_dead_letters_present", "destination", "d0", "reason", "no_email") == float64(n)
		})
		if n > 0 {
			shows(t, page, fmt.Sprintf("no_email %d", n))
		}
	}
	present(a, 1)
	a.stop(t)
	b := g.start("b", g.file(nil, "d0"))
	eventually(t, "it runs", func() bool { return b.active() == 1 })
	present(b, 1) // though this process has set none aside
	stream, err := g.conn.JS.Stream(t.Context(), broker.DeadLetterStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	present(b, 0)
}
