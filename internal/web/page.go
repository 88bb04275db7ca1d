package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"rollcall/internal/scrub"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"capped": func(limit int64) string {
		if limit == 0 {
			return "no cap"
		}
		return fmt.Sprintf("of %d", limit)
	},
	"stamp": func(at *time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") },
	"age": func(seconds float64) string {
		if seconds <= 0 {
			return "-"
		}
		return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
	},
}).Parse(pageSource))

// row is what the page shows of one destination; the keys are those of the JSON.
type row struct {
	Destination     string            `json:"destination"`
	Name            string            `json:"name"`
	Owner           string            `json:"owner"`
	State           string            `json:"state"`
	Reason          string            `json:"reason"`
	Next            string            `json:"next"`
	Replica         string            `json:"replica"`
	ProfileCap      int64             `json:"profile_cap"`
	Listed          int               `json:"listed"`
	Dirty           int               `json:"dirty"`
	Waiting         int               `json:"waiting"`
	Held            int               `json:"held"`
	Refused         int               `json:"refused"`
	JobsInFlight    int               `json:"jobs_in_flight"`
	IntakePending   uint64            `json:"intake_pending"`
	OldestUnapplied float64           `json:"oldest_unapplied_seconds"`
	DeadLetters     map[string]uint64 `json:"dead_letters"`
	HeldRemovals    int               `json:"held_removals"`
	Failing         string            `json:"failing"`
	FailingSince    *time.Time        `json:"failing_since"`
	Trouble         string            `json:"trouble"`
	AsOf            *time.Time        `json:"as_of"`
}

// Class is how the row is shown: figures of an earlier time are greyed.
func (r row) Class() string {
	if r.AsOf != nil {
		return "stale"
	}
	return "now"
}

// StateClass is how the state is shown: a destination that runs and reaches nobody is not well.
func (r row) StateClass() string {
	if r.Failing != "" {
		return "failing"
	}
	return r.State
}

// Counted reports whether there are figures to show.
func (r row) Counted() bool { return r.Trouble == "" || r.AsOf != nil }

// page renders the status as it is when asked; it reloads itself and needs no script.
func page(reader Reader, version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := struct {
			Version, Error, Trouble string
			At                      string
			Rows                    []row
		}{Version: version, At: time.Now().UTC().Format(time.RFC3339)}
		status, err := reader.Status(r.Context())
		if err == nil {
			data.Trouble = status.Trouble
			data.Rows, err = rows(status.Destinations)
		}
		code := http.StatusOK
		if err != nil {
			data.Error, code = scrub.Text(err.Error()), http.StatusInternalServerError
		}
		var body bytes.Buffer
		if err := pageTemplate.Execute(&body, data); err != nil {
			refuse(w, http.StatusInternalServerError, "the page could not be rendered")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(code)
		write(w, body.Bytes())
	})
}

// rows reads the status through its JSON, so that the page depends on the public shape alone.
func rows(status any) ([]row, error) {
	encoded, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("encode the status: %w", err)
	}
	var found []row
	if err := json.Unmarshal(encoded, &found); err != nil {
		return nil, fmt.Errorf("read the status: %w", err)
	}
	return found, nil
}
