//go:build integration

package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/integration/history"
	"rollcall/internal/publish"
)

// lingers is how long before its effect a request left at the most: with its tries after each fault, with SendGrid's delays.
const lingers = 30 * time.Second

// window is how many events the publisher has on their way, as shipped: a profile's next one waits for the one before, and others pass.
const window = 4000

// judgeCrowd accounts for every event of a population, which was published in its order, and for every change of the list.
// It ends the consumers.
func (w *world) judgeCrowd(t *testing.T, j *journal, p publish.Population, refused func(string) bool) history.Account {
	t.Helper()
	c := history.Crowd{
		Passing: window, Stream: map[uint64]history.Told{}, Listed: map[string]bool{}, Waiting: map[string]bool{}, Dead: map[uint64]bool{}, Refused: refused,
	}
	must(t, p.Rows(func(row publish.Row) error {
		c.Events = append(c.Events, told(row.Segment, row.Profile, row.Change.String(), row.Attributes))
		return nil
	}))
	nc, js := w.connect()
	defer nc.Close()
	var stored []drawn // when each event that the stream still has was stored
	must(t, each(t.Context(), js, "SEGMENT_EVENTS", func(m jetstream.Msg, sequence uint64) error {
		var body struct {
			Data struct {
				Segment    string          `json:"segment_id"`
				Profile    string          `json:"profile_id"`
				Change     string          `json:"change"`
				Attributes json.RawMessage `json:"attributes"`
			} `json:"data"`
		}
		if err := json.Unmarshal(m.Data(), &body); err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		c.Stream[sequence] = told(body.Data.Segment, body.Data.Profile, body.Data.Change, body.Data.Attributes)
		stored = append(stored, drawn{meta.Timestamp, sequence})
		return nil
	}))
	must(t, dead(t.Context(), js, c.Dead))
	changes, err := w.sendgrid().changes()
	must(t, err)
	for i, change := range changes {
		changes[i].Floor = j.cursorAt(change.At.Add(-lingers))
		changes[i].Ceiling = uint64(len(c.Events))
		behind, _ := slices.BinarySearchFunc(stored, change.At, func(d drawn, t time.Time) int { return cmp.Or(d.at.Compare(t), -1) })
		if behind < len(stored) {
			changes[i].Ceiling = stored[behind].sequence - 1
		}
	}
	c.Changes = changes
	contacts, err := w.sendgrid().contacts()
	must(t, err)
	for _, listed := range contacts {
		c.Listed[listed.Email] = true
	}
	must(t, w.whole(c.Waiting))
	return history.CheckCrowd(c)
}

// whole asks for the whole line. It fits no message, so that the command is run on this machine, with both consumers ended: then it
// reads the ledger itself.
func (w *world) whole(into map[string]bool) error {
	w.t.Helper()
	for _, service := range consumers {
		w.stop(service)
	}
	if err := compile(w.t.Context(), w.dir, "integration", "./cmd/consumer"); err != nil {
		return err
	}
	command := exec.CommandContext(w.t.Context(), filepath.Join(w.dir, "consumer"), "waiting", destination, "--json", "--limit", "1000000",
		"--config", w.configuration(w.edit)["./rollcall.yaml"], "--inbox-prefix", "_INBOX_reader", "--nats-url", "nats://reader:"+brokerPassword+"@"+w.running[nodes[0]].ports["4222"])
	command.Env = os.Environ()
	for name, value := range w.compose.Services[consumers[0]].Environment {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("consumer waiting: %w", err)
	}
	return readWaiting(out, into)
}

// told is one event of a population, as the stream's reader and as its maker know it.
func told(segment, profile, change string, attributes []byte) history.Told {
	var named struct {
		Email *string `json:"email"`
	}
	e := history.Told{Profile: strings.Clone(profile), Segment: segment, Entered: change == "entered", Speaks: len(attributes) > 0}
	if i := slices.Index(segments, segment); i >= 0 {
		e.Segment = segments[i]
	}
	if e.Speaks && json.Unmarshal(attributes, &named) == nil && named.Email != nil && strings.Count(*named.Email, "@") == 1 && !strings.Contains(*named.Email, " ") {
		e.Email = strings.ToLower(*named.Email)
	}
	return e
}
