package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// makeStream makes an event stream as somebody else would, and publishes a body on each subject.
func makeStream(t *testing.T, c *broker.Conn, cfg jetstream.StreamConfig, subjects ...string) {
	t.Helper()
	cfg.Name, cfg.Storage = "EVENTS", jetstream.FileStorage
	if err := c.JS.DeleteStream(t.Context(), "SEGMENT_EVENTS"); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatal(err)
	}
	if _, err := c.JS.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for _, subject := range subjects {
		if _, err := c.JS.Publish(t.Context(), subject, []byte("of ada")); err != nil {
			t.Fatal(err)
		}
	}
}

// ofAda stands for the decoding of an unkeyed event.
func ofAda(m *broker.Message) bool { return strings.Contains(string(m.Body), "ada") }

// A stream that takes both forms of a subject holds a person in both, and an erasure finds and overwrites both.
func TestAnErasureFindsKeyedAndUnkeyedEventsOnOneStream(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	makeStream(t, c, jetstream.StreamConfig{Subjects: []string{"segments.>"}},
		"segments.membership.s.ada", "segments.membership.s.bob", "segments.membership.s", "segments.erased.ada", "segments.membership.s.ada")
	ada := broker.Person{Destination: "d", Stream: "EVENTS", Profile: "ada", ProfileKey: "ada", Below: 4}
	letter := broker.DeadLetter{Destination: "d", ProfileKey: "ada", Reason: "no_email", Subject: "segments.membership.s.ada", Sequence: 1, Time: time.Now()}
	if err := c.PublishDeadLetters(t.Context(), []broker.DeadLetter{letter}); err != nil {
		t.Fatal(err)
	}
	got, err := c.FindPerson(t.Context(), ada, 0, ofAda)
	if err != nil {
		t.Fatal(err)
	}
	want := broker.Traces{Letters: []uint64{1}, Events: []uint64{1, 3}, Next: 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for range 2 { // the second time finds them gone
		if err := c.OverwritePerson(t.Context(), ada, got); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []uint64{0, 4} {
		left, err := c.FindPerson(t.Context(), ada, from, ofAda)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(broker.Traces{Next: 4}, left); diff != "" {
			t.Errorf("searched again from %d: %s", from, diff)
		}
	}
	stream, err := c.JS.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []uint64{2, 4, 5} {
		if _, err := stream.GetMsg(t.Context(), kept); err != nil {
			t.Errorf("event %d: %v", kept, err)
		}
	}
}

// A search goes on where the one before has ended.
func TestASearchForAPersonGoesOnBehindWhatWasRead(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	makeStream(t, c, jetstream.StreamConfig{Subjects: []string{"segments.membership.*"}},
		"segments.membership.s", "segments.membership.s", "segments.membership.s")
	got, err := c.FindPerson(t.Context(), broker.Person{Destination: "d", Stream: "EVENTS", ProfileKey: "ada", Below: 9}, 2, ofAda)
	if diff := cmp.Diff(broker.Traces{Events: []uint64{2, 3}, Next: 9}, got); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
}

// Where nobody may delete, events go when the age limit drops them, or never.
func TestEventsThatNobodyMayOverwriteGoByAgeOrNever(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{0, time.Hour} {
		t.Run(age.String(), func(t *testing.T) {
			c := testkit.Broker(t)
			cfg := jetstream.StreamConfig{Subjects: []string{"segments.membership.*.*"}, MaxMsgsPerSubject: 1, DenyDelete: true, DenyPurge: true}
			if cfg.MaxAge = age; age > 0 {
				cfg.Subjects, cfg.MaxMsgsPerSubject = []string{"segments.membership.*"}, -1
			}
			makeStream(t, c, cfg)
			got, err := c.FindPerson(t.Context(), broker.Person{Destination: "d", Stream: "EVENTS", ProfileKey: "ada", Below: 9}, 0, ofAda)
			if err != nil || !got.Kept || got.Next != 9 || got.Until.IsZero() != (age == 0) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
