//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	tcexec "github.com/testcontainers/testcontainers-go/exec"

	"rollcall/integration/history"
	"rollcall/internal/demo/audit"
)

// metric reads one series; -1 where it is not there.
func (w *world) metric(service, series string) float64 {
	answer, err := asking.Get("http://" + w.running[service].ports["8780"] + "/metrics")
	if err != nil {
		return -1
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return -1
	}
	for line := range strings.Lines(string(body)) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			if v, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
				return v
			}
		}
	}
	return -1
}

// run executes a command of the consumer's image beside the running one, as an operator would.
func (w *world) run(service string, command ...string) ([]byte, error) {
	status, out, err := w.running[service].made.Exec(w.t.Context(), command, tcexec.Multiplexed())
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(out)
	if err == nil && status != 0 {
		err = fmt.Errorf("%v ended with status %d: %s", command, status, body)
	}
	return body, err
}

// each visits every message of a stream, in order.
func each(ctx context.Context, js jetstream.JetStream, stream string, visit func(jetstream.Msg, uint64) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1000))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if err := visit(msg, meta.Sequence.Stream); err != nil || meta.NumPending == 0 {
			return err
		}
	}
}

// audit compares the list with what ought to be on it, contact by contact.
func (w *world) audit(ctx context.Context, js jetstream.JetStream, rules audit.Rules, refused func(string) bool) (*audit.Report, error) {
	seen := audit.World{Refused: refused}
	seen.Events = func(visit func(audit.Event) error) error {
		return each(ctx, js, "SEGMENT_EVENTS", func(m jetstream.Msg, seq uint64) error { return visit(audit.Event{Sequence: seq, Body: m.Data()}) })
	}
	var err error
	if seen.Listed, err = w.sendgrid().contacts(); err != nil {
		return nil, err
	}
	changes, err := w.sendgrid().changes()
	for _, c := range changes {
		seen.History = append(seen.History, audit.Change{Email: c.Email, Added: c.Added})
	}
	if err != nil {
		return nil, err
	}
	return audit.Check(rules, seen)
}

// history gathers all that happened to those events whose segments are selected.
func (s *stage) history(ctx context.Context, js jetstream.JetStream, events []history.Event, selected []string) (history.History, error) {
	ours := func(subject string) bool {
		for _, segment := range selected {
			if strings.HasPrefix(subject, "segments.membership."+segment+".") {
				return true
			}
		}
		return false
	}
	h := history.History{Listed: map[string]string{}, Waiting: map[string]bool{}, Dead: map[uint64]bool{}}
	for _, e := range events {
		if ours(e.Subject) {
			h.Events = append(h.Events, e)
		}
	}
	streams := errors.Join(
		each(ctx, js, "SEGMENT_EVENTS", func(m jetstream.Msg, seq uint64) error {
			var body struct{ ID string }
			err := json.Unmarshal(m.Data(), &body)
			h.Stream = append(h.Stream, history.Stored{ID: body.ID, Subject: m.Subject(), Sequence: seq})
			return err
		}),
		dead(ctx, js, h.Dead))
	var err error
	if h.Changes, err = s.sendgrid().changes(); err != nil {
		return h, err
	}
	for i, c := range h.Changes { // accepted half a minute of SendGrid's before, left a request's deadline before that at the earliest
		h.Changes[i].Floor = s.journal.cursorAt(c.At.Add(-30*time.Second/clockScale - s.timeout - 500*time.Millisecond))
	}
	contacts, err := s.sendgrid().contacts()
	for _, c := range contacts {
		h.Listed[c.Email] = c.Fields["first_name"]
	}
	return h, errors.Join(streams, err, s.waiting(h.Waiting))
}

// dead gathers the sequences of the events that a dead letter holds.
func dead(ctx context.Context, js jetstream.JetStream, into map[uint64]bool) error {
	return each(ctx, js, "ROLLCALL_DEAD_LETTERS", func(m jetstream.Msg, _ uint64) error {
		seq, err := strconv.ParseUint(m.Headers().Get("Rollcall-Stream-Sequence"), 10, 64)
		into[seq] = true
		return err
	})
}

// waiting asks `consumer waiting`, the operator's own way.
func (w *world) waiting(into map[string]bool) error {
	out, err := w.run(w.active(), "/consumer", "waiting", destination, "--json", "--limit", "100000", "--config", "/etc/rollcall/rollcall.yaml")
	if err != nil {
		return err
	}
	return readWaiting(out, into)
}

func readWaiting(out []byte, into map[string]bool) error {
	var answer struct {
		Line []struct{ Email string }
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&answer); err != nil {
		return fmt.Errorf("consumer waiting said %.200q: %w", out, err)
	}
	for _, turn := range answer.Line {
		into[turn.Email] = true
	}
	return nil
}
