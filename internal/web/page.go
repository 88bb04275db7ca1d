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
}

// page renders the status as it is when asked; it reloads itself and needs no script.
func page(reader Reader, version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := struct {
			Version, Error string
			At             string
			Rows           []row
		}{Version: version, At: time.Now().UTC().Format(time.RFC3339)}
		status, err := reader.Status(r.Context())
		if err == nil {
			data.Rows, err = rows(status)
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
