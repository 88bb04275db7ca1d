package publish

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollcall/internal/broker"
	"rollcall/internal/segment"
	"rollcall/internal/testkit"
)

func TestARehearsalJudgesAsThePublicationAndStoresNothing(t *testing.T) {
	c := testkit.Broker(t)
	rows := []Row{row("seg", "a", 0), row("no segment", "a", 0), row("seg", "a", 1), row("seg", "\n", 0), row("seg", "b", 0), row("other", "b", 0)}
	judge := func(publish func(Row) error) (verdicts []string) {
		for _, r := range rows {
			verdicts = append(verdicts, fmt.Sprint(publish(r)))
		}
		return verdicts
	}
	r, err := Rehearse(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rehearsed := judge(func(row Row) error { return r.Publish(t.Context(), row) })
	all := func(yield func(Row) error) error {
		for _, row := range rows {
			var bad *RowError
			if err := yield(row); err != nil && !errors.As(err, &bad) {
				return err
			}
		}
		return nil
	}
	_, rehearsedRefusal := r.Refresh(t.Context(), "seg", all)
	rehearsedSum, err := r.Refresh(t.Context(), "seg", func(yield func(Row) error) error { return errors.Join(yield(rows[0]), yield(rows[2]), yield(rows[4])) })
	if err != nil {
		t.Fatal(err)
	}
	if stored := contents(t, c); len(stored) != 0 {
		t.Fatalf("a rehearsal stored %d events", len(stored))
	}

	p := opened(t, c, Options{})
	published := judge(func(row Row) error { return p.Publish(t.Context(), row) })
	_, refusal := p.Refresh(t.Context(), "seg", all)
	sum, err := p.Refresh(t.Context(), "seg", func(yield func(Row) error) error { return errors.Join(yield(rows[0]), yield(rows[2]), yield(rows[4])) })
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(rehearsed, "\n") != strings.Join(published, "\n") {
		t.Errorf("rehearsed %q, published %q", rehearsed, published)
	}
	if !errors.Is(refusal, ErrRefused) || !errors.Is(rehearsedRefusal, ErrRefused) {
		t.Errorf("refreshes with refused rows: %v, %v", rehearsedRefusal, refusal)
	}
	if rehearsedSum.Count != 2 || sum.Count != 2 {
		t.Errorf("rehearsed %+v, published %+v", rehearsedSum, sum)
	}
}

func TestARehearsalNeedsTheStreamThatThePublicationNeeds(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	if _, err := Rehearse(t.Context(), c, Options{}); !errors.Is(err, broker.ErrStreamMissing) {
		t.Errorf("without a stream: %v", err)
	}
	r, err := Rehearse(t.Context(), c, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Publish(t.Context(), row("s", "p", 0)); err != nil {
		t.Error(err)
	}
	if err := r.Erase(t.Context(), "", nil); err == nil {
		t.Error("nobody is erased")
	}
	if sum, err := r.Flush(t.Context()); err != nil || sum.Rows != 1 || sum.Acked != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, err := c.InspectStream(t.Context(), broker.DefaultEventStream); !errors.Is(err, broker.ErrStreamMissing) {
		t.Errorf("the rehearsal made a stream: %v", err)
	}
}

func TestAGeneratedPopulationIsReadBackAsItIs(t *testing.T) {
	p := Population{Seed: 5, Profiles: 700, BadEmails: 0.1, Churn: 0.5}
	var first, second bytes.Buffer
	if err := errors.Join(p.WriteEvents(&first), p.WriteEvents(&second)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two writings differ")
	}
	var want, got []string
	note := func(to *[]string, r Row) {
		*to = append(*to, fmt.Sprintf("%s %s %s %s", r.Segment, r.Profile, r.Change, r.Attributes))
	}
	_ = p.Rows(func(r Row) error { note(&want, r); return nil })
	err := Read(&first, ReadOptions{}, func(i Item) error { note(&got, i.Row); return i.Err })
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d rows became %d, %v", len(want), len(got), err)
	}
	var d segment.Decoder
	line, _, _ := strings.Cut(second.String(), "\n")
	if e, problem := d.Decode("", nil, []byte(line)); problem != nil || string(e.ID) != "5-1" {
		t.Errorf("%+v, %+v", e, problem)
	}
}
