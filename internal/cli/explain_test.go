package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
	"rollcall/internal/testkit"
)

// moments of the stories below.
func moment(seconds int) *time.Time {
	t := time.Date(2026, 11, 25, 12, 0, seconds, 0, time.UTC)
	return &t
}

// told are contacts in every place that one can be kept in.
func told() []control.ContactAnswer {
	story := func(standing string, change func(*state.ContactStory)) control.ContactAnswer {
		c := state.ContactStory{
			Email: standing + "@example.com", Desired: true, State: standing, Place: 7, Source: 12, Oldest: moment(1),
		}
		change(&c)
		return control.ContactAnswer{ContactStory: c, Fields: map[string]string{"first_name": "Ada"}}
	}
	receipt := json.RawMessage(`{"kind":"job","time":"2026-11-25T12:01:00Z","operation":"upsert","batch":4,"requested":30,"applied":29,"refused":1,"applied_after_ms":61000}`)
	all := []control.ContactAnswer{
		story("window", func(c *state.ContactStory) { c.Due = moment(5) }),
		story("waiting", func(c *state.ContactStory) { c.Turn = 22 }),
		story("on_the_way", func(c *state.ContactStory) { c.Operation, c.Batch, c.Job, c.Added = "upsert", 4, "j-1", moment(2) }),
		story("in_doubt", func(c *state.ContactStory) { c.Operation, c.Batch, c.Doubt = "upsert", 4, moment(50) }),
		story("held", func(c *state.ContactStory) {
			c.Desired, c.Listed, c.PutBy, c.Since, c.Place, c.Source = false, true, "rollcall", moment(0), 0, 0
		}),
		story("refused", func(c *state.ContactStory) { c.Reason = "first_name: too long" }),
		story("clean", func(c *state.ContactStory) { c.Listed, c.PutBy, c.Since, c.Oldest = true, "adopted", moment(0), nil }),
		story("clean", func(c *state.ContactStory) {
			c.Listed, c.PutBy, c.Since, c.Added, c.Oldest = true, "rollcall", moment(0), moment(2), nil
			c.Replay = "due in its turn"
		}),
		story("clean", func(c *state.ContactStory) { c.Erasing, c.Desired = true, false }),
	}
	live := &all[len(all)-2]
	live.Receipts, live.FieldsNote = []json.RawMessage{receipt}, "bad_value: country is longer than 50 characters"
	live.SendGrid = &control.LiveAnswer{Found: true, OnList: true, Suppressed: true, Fields: map[string]any{"first_name": "Ada"}}
	return all
}

func TestExplainTellsOfEveryPlaceThatAContactCanBeIn(t *testing.T) {
	answer := &control.ExplainAnswer{Destination: "newsletter", Active: "host-1", Contacts: told(), Erased: 9, Profiles: []state.ProfileStory{{
		Profile: "ada", Holds: "clean@example.com", Past: []string{"old@example.com"}, Departed: moment(3),
		Memberships: []state.MembershipStory{
			{Segment: "high-value", In: true, Sequence: 12, Attributes: true, Email: "clean@example.com"},
			{Segment: "newsletter-optin", Sequence: 3, Attributes: true},
		},
	}}, DeadLetters: []control.Letter{{Letter: 1, Time: *moment(4), Reason: "bad_value", Detail: "country: too long", Sequence: 5}}}
	var text strings.Builder
	if err := printStory(&text, answer); err != nil {
		t.Fatal(err)
	}
	testkit.Golden(t, "explain-places.txt", []byte(text.String()))
	body, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Golden(t, "explain-places.json", append(body, '\n'))
}

// Everything that status can say of one destination, in text and for programs.
func TestStatusTellsEverythingOfADestinationInTrouble(t *testing.T) {
	five := int64(99_000)
	answer := control.StatusAnswer{
		Destination: "newsletter", Name: "Newsletter", Owner: "crm team", Account: "acme", State: "running", Replica: "host-1",
		ConfigHash: "abc", Revision: 3, Epoch: 7,
		Standbys:   []control.Replica{{Name: "host-2", ConfigHash: "def", Revision: 2, StaleConfig: true, Reason: "stream_unfit"}},
		ProfileCap: 100_000, Listed: 97_000, Slots: 97_500, AccountContacts: &five, AccountCap: 200_000,
		Dirty: 622, Window: 100, OnTheWay: 500, InDoubt: 10, Waiting: 7, Refused: 5, JobsInFlight: 2,
		IntakePending: 1234, Cursor: 99_999, OldestUnappliedSeconds: 61, LagP50Seconds: 38, LagP99Seconds: 90,
		LostFrom: 12, LostTo: 40, Failing: "SendGrid answered 503", FailingSince: moment(0), PlanFull: true,
		Budgets:     []control.Budget{{Route: string(sendgrid.RouteUpsert), Limit: 200, Remaining: 1, ResetSeconds: 30}},
		RequestsDue: 4, BudgetSeconds: 33, DeadLetters: map[string]uint64{"bad_value": 3, "no_email": 2},
		Replay: &control.ReplayProgress{
			ID: "r7-1", State: "sending", To: 99_000, Position: 99_000, Touched: 60_000,
			Outcome: &state.Outcome{Upserts: 30_000},
		},
	}
	answer.Advise()
	var text strings.Builder
	if err := (&Env{LookupEnv: func(string) (string, bool) { return "", false }}).printStatus(&text, &answer); err != nil {
		t.Fatal(err)
	}
	testkit.Golden(t, "status-everything.txt", []byte(text.String()))
	body, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Golden(t, "status-everything.json", append(body, '\n'))
}
