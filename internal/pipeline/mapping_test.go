package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/mapping"
)

func withTier(id string) mapping.Spec {
	s := mapping.Default()
	s.Fields = append(s.Fields, mapping.Field{Name: "tier", Attribute: "tier", Custom: true, ID: id})
	return s
}

// Story 20: a custom field that is missing suspends with its reason; events are taken over, and the contacts go with
// the field once it was made.
func TestAMissingCustomFieldSuspendsAndItsMakingResumesWithTheField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		made := ""
		o := w.options()
		o.Mapping = withTier("")
		o.Resolve = func(context.Context) (mapping.Spec, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return withTier(made), nil
		}
		d := New(o)
		done := make(chan error, 1)
		go func() { done <- d.Run(t.Context()) }()
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","tier":"gold"}`)
		time.Sleep(2 * time.Minute)
		if st := d.Stats(); st.Suspended != "fields" || st.Cursor != 1 || w.seen().requests["upsert"] != 0 {
			t.Fatalf("suspended %q, cursor %d, upserts %d", st.Suspended, st.Cursor, w.seen().requests["upsert"])
		}
		w.mu.Lock()
		made = "e1_T"
		w.mu.Unlock()
		if err := <-done; !errors.Is(err, ErrRemapped) {
			t.Fatalf("the run ended with %v, want %v", err, ErrRemapped)
		}
		o.Mapping = withTier(made)
		o.Journal, o.Source = &fakeJournal{world: w}, &fakeSource{world: w}
		_, stop := w.run(o)
		time.Sleep(2 * time.Minute)
		if c := w.seen().contacts["ada1@example.com"]; c == nil || c.fields["custom_fields"] != "map[e1_T:gold]" {
			t.Fatalf("the contact is %+v", c)
		}
		mustStop(t, stop)
	})
}

// SendGrid away at the start: the custom fields of the claim before are taken, and nothing stops.
func TestWithoutSendGridTheCustomFieldsOfTheLastClaimAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Mapping = withTier("e1_T")
		_, stop := w.run(o)
		time.Sleep(time.Second)
		mustStop(t, stop)
		o = w.options()
		o.Mapping = withTier("")
		d, stop := w.run(o)
		w.publish("a", "p1", "entered", `{"email":"ada1@example.com","tier":"gold"}`)
		time.Sleep(2 * time.Minute)
		if c := w.seen().contacts["ada1@example.com"]; c == nil || c.fields["custom_fields"] != "map[e1_T:gold]" || d.Stats().Suspended != "" {
			t.Fatalf("the contact is %+v, suspended %q", c, d.Stats().Suspended)
		}
		mustStop(t, stop)
	})
}
