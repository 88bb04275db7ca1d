package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/plan"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
	"rollcall/internal/window"
)

// fakeJournal keeps entries in memory; a claim of another fences.
type fakeJournal struct {
	tail  uint64
	world *world
}

func (j *fakeJournal) Load(_ context.Context, _ func(io.Reader) error, entry func(uint64, []byte) error) (uint64, error) {
	j.world.mu.Lock()
	defer j.world.mu.Unlock()
	for i, e := range j.world.journal {
		if err := entry(uint64(i+1), e); err != nil {
			return 0, err
		}
	}
	j.tail = uint64(len(j.world.journal))
	return j.tail, nil
}

func (j *fakeJournal) Append(_ context.Context, body []byte) (uint64, error) {
	j.world.mu.Lock()
	defer j.world.mu.Unlock()
	if j.tail != uint64(len(j.world.journal)) {
		return 0, ledger.ErrFenced
	}
	j.world.journal = append(j.world.journal, slices.Clone(body))
	j.tail++
	return j.tail, nil
}

func (j *fakeJournal) Tail() uint64 { return j.tail }

// fakeSource hands out the world's events above its position.
type fakeSource struct {
	world *world
	at    uint64
	few   int    // at most so many at once, a second apart; zero is all
	late  uint64 // events from here on are not handed out yet; zero is none. The world's lock guards it
	ghost uint64 // events that the broker counts as pending and that are not there
}

func (s *fakeSource) Reset(_ context.Context, from uint64) error { s.at = from; return nil }

func (s *fakeSource) Next(ctx context.Context) ([]broker.Message, error) {
	for {
		s.world.mu.Lock()
		var out []broker.Message
		for _, m := range s.world.events {
			if m.Sequence >= s.at && (s.late == 0 || m.Sequence < s.late) {
				out = append(out, m)
			}
		}
		woken := s.world.woken
		s.world.mu.Unlock()
		if s.few > 0 && len(out) > s.few {
			time.Sleep(time.Second)
		}
		for i := range out {
			out[i].Pending = uint64(len(out)-1-i) + s.ghost
		}
		if s.few > 0 {
			out = out[:min(s.few, len(out))]
		}
		if len(out) > 0 {
			s.at = out[len(out)-1].Sequence + 1
			return out, nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *fakeSource) Ack(context.Context, uint64) error { return nil }

// world is a keyed stream, a SendGrid account with one list, and what was set aside.
type world struct {
	first    uint64 // of an unkeyed stream
	unkeyed  bool
	history  bool // the stream keeps every event of a subject
	created  time.Time
	t        testing.TB
	mu       sync.Mutex
	events   []broker.Message
	last     uint64
	woken    chan struct{}
	journal  [][]byte
	letters  []broker.DeadLetter
	receipts []string

	contacts map[string]*fakeContact
	jobs     map[string]*fakeJob
	requests map[string]int
	refuse   map[string]bool       // e-mails that a 400 names
	fail     func(op string) error // before anything is done
	lose     func(op string) error // after it is done
	delay    time.Duration         // of the next job, beyond the usual
	most     int                   // contacts on the list at any time
	nextID   int
	budget   sendgrid.Budget // of every route; zero is not known
	lowers   bool            // SendGrid lower-cases beyond A to Z, as it does
}

// storedAs is how SendGrid stores an e-mail.
func storedAs(email string) string { return strings.ToLower(email) }

type fakeContact struct {
	id     string
	onList bool
	fields map[string]string
}

type fakeJob struct {
	at    time.Time
	apply func()
	done  bool
}

func newWorld(t testing.TB) *world {
	return &world{
		t: t, created: time.Unix(1, 0), woken: make(chan struct{}), contacts: map[string]*fakeContact{}, jobs: map[string]*fakeJob{},
		requests: map[string]int{}, refuse: map[string]bool{},
	}
}

// settle applies the jobs that are due, in their order.
func (w *world) settle() {
	var due []*fakeJob
	for _, j := range w.jobs {
		if !j.done && !time.Now().Before(j.at) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *fakeJob) int { return a.at.Compare(b.at) })
	for _, j := range due {
		j.done = true
		j.apply()
		n := 0
		for _, c := range w.contacts {
			if c.onList {
				n++
			}
		}
		w.most = max(w.most, n)
	}
}

func (w *world) job(apply func()) string {
	w.nextID++
	id := fmt.Sprintf("job-%d", w.nextID)
	w.jobs[id] = &fakeJob{at: time.Now().Add(30*time.Second + w.delay + time.Duration(w.nextID)*time.Microsecond), apply: apply}
	return id
}

func (w *world) begin(op string) error {
	w.settle()
	w.requests[op]++
	if w.fail != nil {
		return w.fail(op)
	}
	return nil
}

func (w *world) end(op string) error {
	if w.lose != nil {
		return w.lose(op)
	}
	return nil
}

func (w *world) Upsert(_ context.Context, body []byte) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("upsert"); err != nil {
		return "", err
	}
	var in struct {
		Contacts []map[string]any `json:"contacts"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		w.t.Errorf("the body is no JSON: %v", err)
	}
	var bad []sendgrid.Invalid
	for i, c := range in.Contacts {
		if e := c["email"].(string); w.refuse[e] {
			bad = append(bad, sendgrid.Invalid{Index: i, Email: e, Message: "email '" + e + "' is not valid"})
		}
	}
	if len(bad) > 0 {
		return "", &sendgrid.Error{Class: sendgrid.BadContacts, Status: 400, Invalid: bad}
	}
	id := w.job(func() {
		for _, c := range in.Contacts {
			email := c["email"].(string)
			if w.lowers {
				email = storedAs(email)
			}
			have := w.contacts[email]
			if have == nil {
				w.nextID++
				have = &fakeContact{id: fmt.Sprintf("c-%d", w.nextID), fields: map[string]string{}}
				w.contacts[email] = have
			}
			have.onList = true
			for k, v := range c {
				if k != "email" {
					have.fields[k] = fmt.Sprint(v)
				}
			}
		}
	})
	return id, w.end("upsert")
}

func (w *world) RemoveFromList(_ context.Context, _ string, ids []string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("remove"); err != nil {
		return "", err
	}
	id := w.job(func() {
		for _, c := range w.contacts {
			if slices.Contains(ids, c.id) {
				c.onList = false
			}
		}
	})
	return id, w.end("remove")
}

func (w *world) DeleteContacts(_ context.Context, ids []string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("delete"); err != nil {
		return "", err
	}
	id := w.job(func() {
		for email, c := range w.contacts {
			if slices.Contains(ids, c.id) {
				delete(w.contacts, email)
			}
		}
	})
	return id, w.end("delete")
}

func (w *world) Lookup(_ context.Context, emails []string) (map[string]sendgrid.Found, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("lookup"); err != nil {
		return nil, err
	}
	found := map[string]sendgrid.Found{}
	for _, e := range emails {
		c := w.contacts[e]
		if w.lowers {
			c = w.contacts[storedAs(e)]
		}
		if c != nil {
			f := sendgrid.Found{ID: c.id}
			if c.onList {
				f.Lists = []string{"list"}
			}
			found[e] = f
		}
	}
	return found, nil
}

func (w *world) Resolve(ctx context.Context, _ string, emails []string) (map[string]sendgrid.Found, error) {
	return w.Lookup(ctx, emails)
}

func (w *world) Exported(ctx context.Context, _ string, emails []string) (map[string]sendgrid.Found, error) {
	return w.Lookup(ctx, emails)
}

func (w *world) Counts(context.Context) (sendgrid.Counts, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sendgrid.Counts{Contacts: len(w.contacts)}, w.begin("counts")
}

func (w *world) Job(_ context.Context, id string) (sendgrid.Job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("job"); err != nil {
		return sendgrid.Job{}, err
	}
	j := w.jobs[id]
	if j == nil {
		return sendgrid.Job{}, &sendgrid.Error{Class: sendgrid.NotFound, Status: 404}
	}
	return finishedJob(j.done), nil
}

func (w *world) JobErrors(context.Context, string) ([]sendgrid.JobError, error) { return nil, nil }
func (w *world) List(context.Context, string) (sendgrid.List, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sendgrid.List{}, w.begin("list")
}

func (w *world) Budget(sendgrid.Route) sendgrid.Budget {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.budget
}

func (w *world) InspectStream(context.Context, string) (broker.StreamState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return broker.StreamState{Created: w.created, Keyed: !w.unkeyed, FirstSeq: w.first, LastSeq: w.last}, nil
}

func (w *world) SequenceAfter(_ context.Context, _ string, t time.Time) (uint64, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.events {
		if m.Time.After(t) {
			return m.Sequence, true, nil
		}
	}
	return 0, false, nil
}

func (w *world) InspectConsumer(context.Context, string, string) (broker.ConsumerState, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return broker.ConsumerState{}, true, nil
}

func (w *world) ReadRange(_ context.Context, r broker.Range, visit func(broker.Message) error) error {
	w.mu.Lock()
	events := slices.Clone(w.events)
	w.mu.Unlock()
	for _, m := range events {
		if m.Sequence < r.From || r.To > 0 && m.Sequence > r.To || !chosenBy(r.Filters, m.Subject) {
			continue
		}
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) ReadSequences(_ context.Context, _ string, sequences []uint64) ([]broker.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []broker.Message
	for _, m := range w.events {
		if slices.Contains(sequences, m.Sequence) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (w *world) PublishDeadLetters(_ context.Context, letters []broker.DeadLetter) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters = append(w.letters, letters...)
	return nil
}

func (w *world) PublishReceipt(_ context.Context, _ string, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.receipts = append(w.receipts, string(body))
	return nil
}

// publish puts one membership event on the keyed stream: it replaces the one before on its subject.
func (w *world) publish(segmentID, profile, change, attributes string) {
	ch := segment.Entered
	if change == "exited" {
		ch = segment.Exited
	}
	var raw []byte
	if attributes != "" {
		raw = []byte(attributes)
	}
	w.mu.Lock()
	id := fmt.Sprint(w.last + 1)
	w.mu.Unlock()
	body := segment.AppendMembership(nil, segment.Envelope{ID: id, Source: "/test"}, segmentID, profile, ch, raw)
	w.put(segment.MembershipSubject(true, segmentID, profile), body)
}

func (w *world) put(subject string, body []byte) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	if !w.history {
		w.events = slices.DeleteFunc(w.events, func(m broker.Message) bool { return m.Subject == subject })
	}
	w.events = append(w.events, broker.Message{Subject: subject, Body: body, Sequence: w.last, Time: time.Now()})
	w.wake()
	return w.last
}

// list returns the e-mails on the list now.
func (w *world) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle()
	var out []string
	for e, c := range w.contacts {
		if c.onList {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) options() Options {
	return Options{
		Destination: "d", Replica: "r", Log: zap.NewNop(),
		Binding: record.Binding{List: "list", Stream: "S", Segments: []string{"a", "b"}},
		Policy: state.Policy{
			Window:  window.Policy{Quiet: 5 * time.Second, MaxWait: time.Minute},
			Guard:   plan.Guard{Interval: time.Hour, MinRemovals: 500, MaxShare: 0.2},
			Horizon: 5 * time.Minute, Timeout: time.Minute, Scale: 1,
		},
		Batch:   BatchLimits{MaxContacts: 30000, MaxBytes: 3_500_000},
		Mapping: mapping.Default(),
		Salt:    []byte("salt"),
		Journal: &fakeJournal{world: w}, Source: &fakeSource{world: w}, Stream: w, Letters: w,
		Sender: w, Finder: w, Prober: w,
	}
}

// run runs the destination until stop is called, which waits for it.
func (w *world) run(o Options) (d *Destination, stop func() error) {
	d = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, func() error { cancel(); return <-done }
}

// runHeld runs a destination with a source that the test can hold back.
func (w *world) runHeld(o Options) (s *fakeSource, stop func() error) {
	s = &fakeSource{world: w}
	o.Source = s
	_, stop = w.run(o)
	return s, stop
}

// wake lets sources look for events again; the caller holds the lock.
func (w *world) wake() {
	close(w.woken)
	w.woken = make(chan struct{})
}

func isStreamChanged(err error) bool { return errors.Is(err, ErrStreamChanged) }

// glimpse is what a test looks at while the destination runs.
type glimpse struct {
	requests map[string]int
	letters  []broker.DeadLetter
	receipts []string
	contacts map[string]*fakeContact
	most     int
}

// seen copies what there is now: the destination's goroutines go on.
func (w *world) seen() glimpse {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := glimpse{
		requests: maps.Clone(w.requests), letters: slices.Clone(w.letters), receipts: slices.Clone(w.receipts),
		contacts: map[string]*fakeContact{}, most: w.most,
	}
	for email, c := range w.contacts {
		g.contacts[email] = &fakeContact{id: c.id, onList: c.onList, fields: maps.Clone(c.fields)}
	}
	return g
}
