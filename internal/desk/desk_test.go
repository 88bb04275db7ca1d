package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/contact"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/pipeline"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/testkit"
)

// office is one destination with its broker, its ledger and SendGrid, and the desks that answer for it.
type office struct {
	*testing.T
	cfg     *config.Config
	conn    *broker.Conn
	account *sendgrid.Account
	sim     *simulator.Simulator
	active  *pipeline.Destination
	stop    func()
	events  int
}

// open opens an office whose guard lets one removal go, of a cap of four.
func open(t *testing.T) *office {
	t.Helper()
	o := &office{T: t, conn: testkit.Broker(t), sim: simulator.New(simulator.Options{ClockScale: 600, Seed: 1})}
	text := fmt.Sprintf(`
accounts: [{id: acme, base_url: "http://sendgrid.test", api_key: "${KEY}", clock_scale: 600, request_timeout: 2s}]
destinations:
  - id: newsletter
    name: Newsletter
    owner: crm team
    account: acme
    list_id: %s
    segments: [a]
    consent: {accepted_by: dpo, accepted_on: 2026-11-01}
    profile_cap: 4
    debounce: {quiet: 20ms, max_wait: 100ms}
    guard: {min_removals: 1, max_removal_share: 0.01}
`, o.sim.AddList("", "Newsletter"))
	var err error
	if o.cfg, err = config.Parse("rollcall.yaml", []byte(text), func(string) (string, bool) { return "SG.simulator", true }); err != nil {
		t.Fatal(err)
	}
	o.account, err = sendgrid.New(sendgrid.Options{
		BaseURL: "http://sendgrid.test", Transport: o.sim, Key: func() (string, error) { return "SG.simulator", nil }, ClockScale: 600,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.close() })
	return o
}

func (o *office) destination() *config.Destination { return &o.cfg.Destinations[0] }

// run makes a replica active.
func (o *office) run() {
	o.Helper()
	d := o.destination()
	account, _ := o.cfg.Account("acme")
	ctx, cancel := context.WithCancel(context.Background())
	installation, err := o.conn.Installation(ctx)
	if err != nil {
		o.Fatal(err)
	}
	journal, err := ledger.Open(ctx, o.conn.JS, d.ID, ledger.Options{})
	if err != nil {
		o.Fatal(err)
	}
	source, err := o.conn.OpenSource(ctx, broker.SourceOptions{Stream: d.Stream, Destination: d.ID})
	if err != nil {
		o.Fatal(err)
	}
	spec, err := desk.ResolveMapping(ctx, o.account, d)
	if err != nil {
		o.Fatal(err)
	}
	claimed := make(chan struct{})
	o.active = pipeline.New(pipeline.Options{
		Destination: d.ID, Replica: "host-1", Salt: installation.TombstoneSalt,
		Binding: record.Binding{BaseURL: "http://sendgrid.test", List: d.ListID, Stream: d.Stream, Segments: d.Segments, Normalisation: contact.Normalisation},
		Policy:  desk.Policy(d, account), Batch: pipeline.BatchLimits{MaxContacts: 30000, MaxBytes: 3_500_000}, Mapping: spec,
		Journal: journal, Compactor: journal, Source: source, Stream: o.conn, Letters: o.conn, Sender: o.account, Finder: o.account,
		Prober: o.account, Claimed: func() { close(claimed) },
	})
	done := make(chan error, 1)
	go func() { done <- o.active.Run(ctx) }()
	o.stop = func() {
		cancel()
		if err := <-done; err != nil {
			o.Error(err)
		}
		source.Stop()
		o.stop = nil
	}
	<-claimed
}

func (o *office) close() {
	if o.stop != nil {
		o.stop()
	}
}

// desk answers as the active replica does, or as a command does where nobody is active.
func (o *office) desk() *desk.Desk {
	options := desk.Options{Config: o.cfg, Destination: o.destination(), Conn: o.conn, SendGrid: o.account}
	if o.stop != nil {
		options.Active, options.Replica = o.active, "host-1"
		options.Status = func() control.StatusAnswer {
			a := desk.Describe(o.cfg, o.destination())
			a.Fill(o.active.Stats())
			a.State = "running"
			return a
		}
	}
	return desk.New(options)
}

func (o *office) event(profile, change, attributes string) {
	o.Helper()
	o.events++
	body := fmt.Sprintf(`{"specversion":"1.0","id":"t-%d","source":"/test","type":"rollcall.membership.changed.v1","data":{"segment_id":"a","profile_id":%q,"change":%q,"attributes":%s}}`,
		o.events, profile, change, attributes)
	if _, err := o.conn.JS.Publish(o.Context(), segment.MembershipSubject(true, "a", profile), []byte(body)); err != nil {
		o.Fatal(err)
	}
}

// enter lets people enter, one after the other, so that those behind the cap wait in this order.
func (o *office) enter(names ...string) {
	for _, name := range names {
		o.event(name, "entered", fmt.Sprintf(`{"email":"%s@example.com","first_name":%q}`, name, name))
	}
}

// settled waits until nothing is under way.
func (o *office) settled() {
	o.Helper()
	for range 3000 {
		if st := o.active.Stats(); st.Cursor == uint64(o.events) && st.Window+st.OnTheWay+st.InDoubt == 0 && st.Dirty() == st.Waiting+st.Held+st.RefusedNow {
			return
		}
		time.Sleep(20 * time.Millisecond) // the broker's and the simulator's time is the machine's
	}
	o.Fatalf("it never settles: %+v", o.active.Stats())
}

// ask gives a desk a command.
func ask[T any](d *desk.Desk, command control.Command, args any) (T, error) {
	var zero T
	body, err := json.Marshal(args)
	if err != nil {
		return zero, err
	}
	answer, err := d.Command(context.Background(), command, control.Request{Who: "ada@desk", Args: body})
	if err != nil {
		return zero, err
	}
	if text, err := json.Marshal(answer); err != nil || json.Unmarshal(text, &zero) != nil {
		return zero, fmt.Errorf("the answer is no %T: %w", zero, err)
	}
	return zero, nil
}

func code(err error) control.Code {
	if have, ok := errors.AsType[*control.Error](err); ok {
		return have.Code
	}
	return ""
}

// Readers answer the same through the active replica and from the ledger alone, and looking changes nothing.
func TestADeskAnswersTheSameWithAndWithoutAnActiveReplica(t *testing.T) {
	o := open(t)
	o.run()
	o.enter("ada", "grace", "alan", "edsger", "barbara")
	o.event("donald", "entered", `{"email":"not an address"}`)
	o.settled()
	tell := func(d *desk.Desk) (told []string) {
		for _, who := range []string{"ada@example.com", "Ada@Example.com", "ada", "barbara", "donald"} {
			a, err := ask[control.ExplainAnswer](d, control.Explain, control.ExplainArgs{Person: who})
			if err != nil {
				t.Fatalf("%s: %v", who, err)
			}
			a.Active = ""
			text, _ := json.Marshal(a)
			told = append(told, string(text))
		}
		line, err := ask[control.WaitingAnswer](d, control.Waiting, control.WaitingArgs{})
		if err != nil || line.Total != 1 || line.Line[0].Email != "barbara@example.com" {
			t.Errorf("waiting: %+v, %v", line, err)
		}
		st, err := ask[control.StatusAnswer](d, control.Status, struct{}{})
		if err != nil || st.Listed != 4 || st.Waiting != 1 || st.DeadLetters["no_email"]+st.DeadLetters["invalid_email"] != 1 {
			t.Errorf("status: %+v, %v", st, err)
		}
		return told
	}
	through := tell(o.desk())
	if !strings.Contains(through[0], `"listed_since"`) || !strings.Contains(through[0], `"receipts"`) || !strings.Contains(through[0], `"first_name":"ada"`) ||
		!strings.Contains(through[3], `"turn":1`) || !strings.Contains(through[4], `"dead_letters"`) {
		t.Errorf("something is missing: %s", strings.Join(through, "\n"))
	}
	o.stop()
	before := o.ledgerEnd()
	if diff := cmp.Diff(through, tell(o.desk())); diff != "" {
		t.Errorf("from the ledger it reads differently:\n%s", diff)
	}
	if o.ledgerEnd() != before {
		t.Error("looking has written to the ledger")
	}
}

// ledgerEnd is the last sequence of the ledger's stream.
func (o *office) ledgerEnd() uint64 {
	o.Helper()
	s, err := o.conn.JS.Stream(o.Context(), broker.LedgerStream)
	if err != nil {
		o.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// With --live what SendGrid says now is told beside what the ledger knows, the global suppression included, and of one
// that only SendGrid knows.
func TestExplainAsksSendGridWhereItIsToldTo(t *testing.T) {
	o := open(t)
	o.run()
	o.enter("ada", "grace")
	o.settled()
	d := o.destination()
	o.sim.Alter("grace@example.com", d.ListID, false, nil)
	o.sim.Alter("stranger@example.com", d.ListID, true, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sendgrid.test/v3/asm/suppressions/global",
		strings.NewReader(`{"recipient_emails":["ada@example.com"]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer SG.simulator")
	answer, err := o.sim.RoundTrip(r)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", answer, err)
	}
	for who, want := range map[string]struct{ listed, found, onList, suppressed bool }{
		"ada":                  {true, true, true, true},
		"grace@example.com":    {true, true, false, false},
		"stranger@example.com": {false, true, true, false},
	} {
		a, err := ask[control.ExplainAnswer](o.desk(), control.Explain, control.ExplainArgs{Person: who, Live: true})
		if err != nil || len(a.Contacts) != 1 || a.Contacts[0].SendGrid == nil {
			t.Fatalf("%s: %+v, %v", who, a, err)
		}
		c := a.Contacts[0]
		if c.Listed != want.listed || c.SendGrid.Found != want.found || c.SendGrid.OnList != want.onList || c.SendGrid.Suppressed != want.suppressed {
			t.Errorf("%s: %+v %+v", who, c, c.SendGrid)
		}
	}
}

// What cannot be answered says so with its code, and what to do.
func TestADeskRefusesWithACodeAndTheNextStep(t *testing.T) {
	o := open(t)
	o.run()
	o.enter("ada")
	o.settled()
	d := o.desk()
	for name, c := range map[string]struct {
		command control.Command
		args    any
		code    control.Code
		says    string
	}{
		"nobody named":        {control.Explain, control.ExplainArgs{}, control.Misuse, "name a profile"},
		"a stranger":          {control.Explain, control.ExplainArgs{Person: "stranger@example.com"}, control.NotFound, "nats stream get"},
		"an unknown argument": {control.Pause, map[string]int{"for": 3}, control.Misuse, "for"},
		"an unknown command":  {control.Command("dance"), nil, control.Misuse, "use the command line of this build"},
		"nothing held":        {control.Approve, control.ApproveArgs{}, control.Conflict, "nothing is held"},
		"no replay":           {control.Replay, control.ReplayArgs{Cancel: true}, control.Conflict, "no replay is under way"},
		"nothing to replay":   {control.Replay, control.ReplayArgs{From: 99}, control.Conflict, "the cursor is at 1"},
	} {
		_, err := ask[any](d, c.command, c.args)
		if code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %q %v", name, code(err), err)
		}
	}
	o.stop()
	d = o.desk()
	for command, args := range map[control.Command]any{
		control.Pause: nil, control.Resume: nil, control.Flush: nil, control.Approve: control.ApproveArgs{},
		control.Replay: control.ReplayArgs{}, control.Verify: control.StandArgs{}, control.Retry: control.LetterFilter{},
	} {
		if _, err := ask[any](d, command, args); !errors.Is(err, control.ErrNoneActive) {
			t.Errorf("%s with nobody active: %v", command, err)
		}
	}
}

// at once gives n operators the same command at the same time, and counts who was told that it is done.
func atOnce(d *desk.Desk, n int, command control.Command, args any) (done int, others []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := ask[any](d, command, args)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
				return
			}
			others = append(others, err)
		})
	}
	all.Wait()
	return done, others
}

// Of operators who approve the same removals at once one is done, and the others are told that it has changed.
func TestTwoOperatorsWhoApproveAtOnceLetGoOnce(t *testing.T) {
	o := open(t)
	o.run()
	o.enter("ada", "grace", "alan", "edsger")
	o.settled()
	for _, name := range []string{"ada", "grace", "alan"} {
		o.event(name, "exited", "{}")
	}
	o.settled()
	d := o.desk()
	st, err := ask[control.StatusAnswer](d, control.Status, struct{}{})
	if err != nil || st.Held != 2 || st.HeldDigest == "" {
		t.Fatalf("%+v, %v", st, err)
	}
	if _, err := ask[any](d, control.Approve, control.ApproveArgs{Count: st.Held, Digest: "another"}); code(err) != control.Conflict {
		t.Errorf("something else was shown: %v", err)
	}
	done, others := atOnce(d, 4, control.Approve, control.ApproveArgs{Count: st.Held, Digest: st.HeldDigest})
	if done != 1 {
		t.Errorf("%d operators approved: %v", done, others)
	}
	for _, err := range others {
		if code(err) != control.Conflict {
			t.Errorf("the other is told %q: %v", code(err), err)
		}
	}
	for range 3000 {
		if o.active.Stats().Listed == 1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if st := o.active.Stats(); st.Listed != 1 || st.Held != 0 {
		t.Errorf("in the end %+v", st)
	}
}

// Of operators who replay at once one replays; those who pause at once have all paused.
func TestTwoOperatorsAtOnceStartOneReplay(t *testing.T) {
	o := open(t)
	o.run()
	o.enter("ada", "grace")
	o.settled()
	d := o.desk()
	if done, others := atOnce(d, 3, control.Pause, struct{}{}); done != 3 {
		t.Errorf("%d of 3 have paused: %v", done, others)
	}
	done, others := atOnce(d, 3, control.Replay, control.ReplayArgs{Force: true})
	if done != 1 {
		t.Errorf("%d replays: %v", done, others)
	}
	for _, err := range others {
		if code(err) != control.Conflict || !strings.Contains(err.Error(), "--cancel") {
			t.Errorf("the other is told %q: %v", code(err), err)
		}
	}
	if done, _ := atOnce(d, 3, control.Replay, control.ReplayArgs{Cancel: true}); done < 1 {
		t.Error("nobody could cancel it")
	}
	if _, err := ask[any](d, control.Resume, struct{}{}); err != nil {
		t.Fatal(err)
	}
	o.settled()
}

// Many who ask at once of a ledger that nobody is active for load it once, and all are answered.
func TestManyWhoAskOfALedgerAtOnceAreAllAnswered(t *testing.T) {
	o := open(t)
	o.run()
	o.enter("ada", "grace")
	o.settled()
	o.stop()
	done, others := atOnce(o.desk(), 16, control.Explain, control.ExplainArgs{Person: "grace"})
	if done != 16 {
		t.Errorf("%d of 16 are answered: %v", done, others)
	}
}
