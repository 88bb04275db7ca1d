package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(testkit.Overlap(m, 6)) }

// The story that each example publishes: what is said of each profile, in order, and the refresh.
var story = map[string][]string{
	"c0ffee": {"high-value entered", "newsletter-optin entered"},
	"zoë/7":  {"high-value entered", "newsletter-optin entered"},
	"grace":  {"high-value entered", "high-value exited"},
	"bob":    {"newsletter-optin entered"},
	"linus":  {"high-value entered", "erased linus@example.com"},
	"":       {"newsletter-optin refreshed 0", "newsletter-optin refreshed 2"},
}

const events = 11 // of the story

// Each example keeps the rules of docs/publishing.md: while it publishes, one acknowledgement gets lost and another
// says falsely that somebody used the id before (H30), and the list ends as the story says.
func TestEachExampleKeepsTheRules(t *testing.T) {
	for _, l := range languages {
		for _, keyed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/keyed=%v", l.name, keyed), func(t *testing.T) {
				t.Parallel()
				l.require(t)
				w := newWorld(t, keyed)
				program := l.build(t, t.TempDir())
				// The fourth acknowledgement is of a profile that leaves next, the ninth of a row of the refresh.
				between := wire{broker: w.address, lose: 4, claim: 9}
				if program.Env == nil {
					program.Env = os.Environ()
				}
				program.Env = append(program.Env, "NATS_URL="+between.listen(t))
				run(t, program)
				w.judgeTries(keyed)
				w.judgeOutcome()
			})
		}
	}
}

// judgeTries looks at what was published, with the decoder that the consumer uses.
func (w *world) judgeTries(keyed bool) {
	w.t.Helper()
	said, bodies := map[string][]string{}, map[string]string{}
	var first uint64
	again := ""
	for _, m := range w.tries() {
		id, profile, what, from := w.decode(m, keyed)
		if before, known := bodies[id]; known {
			if before != string(m.Data) {
				w.t.Errorf("a try again of %s published another event", what)
			}
			if of := said[profile]; of[len(of)-1] != what {
				w.t.Errorf("rule 4: %s was tried again after a later event of its profile was published", what)
			}
			again = what
			continue
		}
		bodies[id] = string(m.Data)
		said[profile] = append(said[profile], what)
		first = max(first, from)
	}
	if again != "high-value entered" {
		w.t.Errorf("rule 2: the event whose acknowledgement got lost was not tried again with its id, but %q was", again)
	}
	taken, latest := w.stored()
	if len(bodies) != events+1 || taken != events+1 {
		w.t.Errorf("%d events were published and %d stored, and the story has %d and one whose id was said to be used",
			len(bodies), taken, events)
	}
	for profile, of := range said {
		said[profile] = slices.Compact(of) // the one that was published again
	}
	if diff := cmp.Diff(story, said); diff != "" {
		w.t.Errorf("what was published of each profile (-story +published):\n%s", diff)
	}
	if keyed {
		ada := latest[segment.MembershipSubject(true, "newsletter-optin", "c0ffee")]
		zoe := latest[segment.MembershipSubject(true, "newsletter-optin", "zoë/7")]
		if first != min(ada, zoe) {
			w.t.Errorf("rule 6: first_sequence is %d, and the lowest of the rows %d", first, min(ada, zoe))
		}
	}
}

// decode reads a published message, and holds its subject and headers to the contract.
func (w *world) decode(m *nats.Msg, keyed bool) (id, profile, what string, first uint64) {
	w.t.Helper()
	var decoder segment.Decoder
	e, problem := decoder.Decode(m.Subject, m.Header, m.Data)
	if problem != nil {
		w.t.Fatalf("an event on %s is a dead letter: %+v", m.Subject, problem)
	}
	var envelope struct{ Time, Datacontenttype string }
	err := json.Unmarshal(m.Data, &envelope)
	if err != nil || envelope.Time == "" || envelope.Datacontenttype != "application/json" {
		w.t.Errorf("the envelope on %s has %+v, %v", m.Subject, envelope, err)
	}
	if got, want := m.Header.Get(jetstream.MsgIDHeader), string(e.Source)+"#"+string(e.ID); got != want {
		w.t.Errorf("rule 1: the message id is %q, want %q", got, want)
	}
	id, profile = string(e.ID), string(e.Profile)
	want := ""
	switch e.Kind {
	case segment.Membership:
		want, what = segment.MembershipSubject(keyed, string(e.Segment), profile), string(e.Segment)+" "+e.Change.String()
	case segment.Refreshed:
		want = segment.RefreshedSubject(string(e.Segment), e.FirstSequence)
		what = fmt.Sprintf("%s refreshed %d", e.Segment, e.Count)
	case segment.Erased:
		want, what = segment.ErasedSubject(profile), fmt.Sprintf("erased %s", e.Emails)
		what = strings.NewReplacer("[", "", "]", "").Replace(what)
	}
	if m.Subject != want {
		w.t.Errorf("the subject is %s, want %s", m.Subject, want)
	}
	return id, profile, what, e.FirstSequence
}

// judgeOutcome waits for what the consumer makes of the story.
func (w *world) judgeOutcome() {
	w.t.Helper()
	want := []string{"ada@example.com|Ada|GB|", "zoe@example.com|Zoë||{{Count}} {{Time}}"}
	w.until("Ada and Zoë on the list, the erasure done and both refreshes accepted", func() bool {
		stats, _ := w.app.Stats("newsletter")
		return slices.Equal(w.contacts(w.list), want) && stats.Dirty() == 0 &&
			w.receipts(`"erasure"`) == 1 && w.receipts(`"refresh"`) == 2
	})
	if w.receipts(`"verdict":"accepted"`) != 2 {
		w.read(broker.ReceiptStream, func(m broker.Message) { w.t.Logf("receipt %s", m.Body) })
		w.t.Error("rule 6: a refresh was not accepted")
	}
	for _, contact := range w.contacts("") {
		if strings.HasPrefix(contact, "linus@") {
			w.t.Error("the erased contact is still in the account")
		}
	}
	w.read(broker.DeadLetterStream, func(m broker.Message) {
		w.t.Errorf("a dead letter: %s %s", m.Header.Get("Rollcall-Reason"), m.Header.Get("Rollcall-Detail"))
	})
}

// unkeyed makes the event stream in the form whose subjects name no profile.
func (w *world) unkeyed() {
	w.t.Helper()
	_, err := w.conn.JS.CreateStream(w.t.Context(), jetstream.StreamConfig{
		Name: broker.DefaultEventStream, MaxMsgsPerSubject: -1, AllowDirect: true,
		Subjects: []string{"segments.membership.*", "segments.refreshed.*.*", "segments.erased.*"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
