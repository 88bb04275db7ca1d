package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/demo/audit"
	"rollcall/internal/publish"
)

// standing is how the destination stands, as the active replica tells it.
type standing struct {
	Replica  string `json:"replica"`
	State    string `json:"state"`
	Cursor   uint64 `json:"cursor"`
	Pending  uint64 `json:"intake_pending"`
	Slots    int    `json:"slots"`
	Window   int    `json:"window"`
	OnTheWay int    `json:"on_the_way"`
	InDoubt  int    `json:"in_doubt"`
	Waiting  int    `json:"waiting"`
	Jobs     int    `json:"jobs_in_flight"`
}

// String is what is in flight.
func (s standing) String() string {
	if s.Replica == "" {
		return "it was starting"
	}
	return fmt.Sprintf("%d in windows, %d on the way, %d in doubt, %d jobs, %d waiting", s.Window, s.OnTheWay, s.InDoubt, s.Jobs, s.Waiting)
}

// settled reports whether everything up to the stream's last event is taken over, and nothing is left to do.
func (s standing) settled(last uint64, limit int) bool {
	return s.Cursor >= last && s.Window+s.OnTheWay+s.InDoubt+s.Jobs == 0 && (s.Waiting == 0 || s.Slots >= limit)
}

func (w *world) standing() (standing, error) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + w.http + "/api/v1/destinations")
	if err != nil {
		return standing{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return standing{}, err
	}
	var all struct{ Destinations []standing }
	if err := json.Unmarshal(body, &all); err != nil {
		return standing{}, err
	}
	if len(all.Destinations) != 1 {
		return standing{}, fmt.Errorf("%d destinations, want one", len(all.Destinations))
	}
	return all.Destinations[0], nil
}

func (w *world) lastSequence() uint64 {
	state, err := w.conn.InspectStream(w.t.Context(), broker.DefaultEventStream)
	if err != nil {
		w.t.Fatal(err)
	}
	return state.LastSeq
}

// audit compares the simulator's list with all that was published, and every receipt with its job.
func (w *world) audit() string {
	rules := audit.Rules{Segments: publish.DefaultSegments, Email: "email", Cap: w.limit}
	for _, name := range []string{"first_name", "last_name", "country", "city", "postal_code"} {
		rules.Fields = append(rules.Fields, audit.Field{Name: name, Attribute: name, Kind: "Text"})
	}
	seen := audit.World{Applied: map[string]time.Time{}, Events: w.events}
	w.call(http.MethodGet, "/simulator/v1/contacts?list="+w.list, nil, lines(func(c audit.Contact) { seen.Listed = append(seen.Listed, c) }))
	w.call(http.MethodGet, "/simulator/v1/history?list="+w.list, nil, lines(func(c audit.Change) { seen.History = append(seen.History, c) }))
	w.call(http.MethodGet, "/simulator/v1/jobs", nil, func(body io.Reader) error {
		var jobs []struct {
			ID      string
			Applied time.Time
		}
		err := json.NewDecoder(body).Decode(&jobs)
		for _, j := range jobs {
			seen.Applied[j.ID] = j.Applied
		}
		return err
	})
	seen.Confirmations = w.confirmations()
	report, err := audit.Check(rules, seen)
	switch {
	case err != nil:
		w.t.Fatal(err)
	case len(seen.Listed) == 0 || report.Jobs == 0:
		return "nothing was listed, or no job confirmed: there was nothing to audit"
	case report.Clean():
		return "clean"
	}
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(report.Counts)) {
		found = append(found, fmt.Sprintf("%d %s", report.Counts[kind], kind))
	}
	return fmt.Sprint(found, report.First[:min(5, len(report.First))])
}

func (w *world) events(visit func(audit.Event) error) error {
	return w.conn.ReadRange(w.t.Context(), broker.Range{Stream: broker.DefaultEventStream, From: 1},
		func(m broker.Message) error { return visit(audit.Event{Sequence: m.Sequence, Body: m.Body}) })
}

// confirmations are the jobs that a receipt reports as applied.
func (w *world) confirmations() (out []audit.Confirmation) {
	err := w.conn.ReadRange(w.t.Context(), broker.Range{Stream: broker.ReceiptStream, From: 1}, func(m broker.Message) error {
		var r struct {
			Kind, Job string
			Time      time.Time
			Applied   int
		}
		err := json.Unmarshal(m.Body, &r)
		if r.Kind == "job" && r.Job != "" && r.Applied > 0 {
			out = append(out, audit.Confirmation{Job: r.Job, At: r.Time})
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// lines reads one JSON value a line.
func lines[T any](take func(T)) func(io.Reader) error {
	return func(body io.Reader) error {
		for decoder := json.NewDecoder(body); ; {
			var one T
			if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			take(one)
		}
	}
}
